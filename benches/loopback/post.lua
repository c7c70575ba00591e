-- Tells wrk to post the file named by its first argument. Prints one line of JSON for `run`.

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(arguments)
  unexpected = 0
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrk.body = assert(io.open(arguments[1], "rb")):read("*a")
end

function response(status)
  if status ~= 204 then
    unexpected = unexpected + 1
  end
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout
  for _, thread in ipairs(threads) do
    failed = failed + thread:get("unexpected")
  end
  print(string.format('{"requests": %d, "seconds": %f, "p99_ms": %f, "failed": %d}',
    summary.requests, summary.duration / 1e6, latency:percentile(99) / 1e3, failed))
end
