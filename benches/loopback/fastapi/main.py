"""A FastAPI receiver under uvicorn. It reads the body into a pydantic model with the fields of
`contenders/plain.rs`. `python main.py PATH EVENT` prints its port and ends with its standard input."""

import os
import socket
import sys
import threading

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class Reference(Model):
    id: str


class Name(Model):
    first_name: str | None = None
    second_name: str | None = None
    last_name: str | None = None
    second_last_name: str | None = None
    fullname: str | None = None


class Address(Model):
    zip_code: str | None = None
    department: str | None = None
    country: str | None = None
    address: str | None = None
    city: str | None = None


class Client(Model):
    id: str
    name: Name | None = None
    phone_primary: str | None = None
    phone_secondary: str | None = None
    mobile: str | None = None
    email: str | None = None
    type: list[str] = []
    fax: str | None = None
    identification: str | None = None
    address: Address | None = None


class NumberTemplate(Model):
    id: str | None = None
    number: str | None = None


class LineItem(Model):
    id: str | None = None
    name: str | None = None
    description: str | None = None
    reference: str | None = None
    price: float | None = None
    quantity: float | None = None
    tax: list[Reference] = []
    remission: Reference | None = None


class Invoice(Model):
    id: str
    date: str | None = None
    due_date: str | None = None
    observations: str | None = None
    anotation: str | None = None
    status: str | None = None
    client: Reference | None = None
    number_template: NumberTemplate | None = None
    seller: Reference | None = None
    total: float | None = None
    total_paid: float | None = None
    balance: float | None = None
    decimal_precision: str | None = None
    estimate: Reference | None = None
    cost_center: Reference | None = None
    items: list[LineItem] = []


class ClientMessage(Model):
    client: Client


class InvoiceMessage(Model):
    invoice: Invoice


class NewClient(Model):
    subject: str
    message: ClientMessage

    def event_id(self) -> str:
        return self.message.client.id


class NewInvoice(Model):
    subject: str
    message: InvoiceMessage

    def event_id(self) -> str:
        return self.message.invoice.id


class Notice(Model):
    cpn_id: int
    resource: str
    resource_id: str
    topic: str
    action: str
    office_id: str | None = None
    price_list_id: str | None = None
    send: int | None = None

    def event_id(self) -> str:
        return self.resource_id


EVENTS = {"client": NewClient, "invoice": NewInvoice, "bsale": Notice}


def receiver(path: str, event: type[Model]) -> FastAPI:
    app = FastAPI()

    @app.post(path, status_code=204)
    async def on_event(delivery: event) -> None:
        if not isinstance(delivery.event_id(), str):
            raise ValueError("an event without an id")

    return app


def end_with_standard_input() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    path, event = sys.argv[1:]
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    threading.Thread(target=end_with_standard_input, daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(
        receiver(path, EVENTS[event]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
