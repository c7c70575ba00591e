//! Latencies of requests: microseconds, up to a minute, to one in a hundred.

use std::{io::Cursor, time::Duration};

use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::STANDARD};
use hdrhistogram::{
    Histogram,
    serialization::{Deserializer, Serializer, V2DeflateSerializer},
};

pub(crate) fn none() -> Result<Histogram<u64>> {
    const MINUTE: u64 = 60_000_000;
    Histogram::new_with_bounds(1, MINUTE, 2).context("cannot make a histogram")
}

pub(crate) fn record(latencies: &mut Histogram<u64>, latency: Duration) {
    latencies.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
}

/// As HdrHistogram writes them in every language: V2, compressed, base64.
pub(crate) fn encode(latencies: &Histogram<u64>) -> Result<String> {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new()
        .serialize(latencies, &mut bytes)
        .context("cannot write a histogram")?;
    Ok(STANDARD.encode(bytes))
}

pub(crate) fn decode(text: &str) -> Result<Histogram<u64>> {
    let bytes = STANDARD.decode(text).context("latencies not in base64")?;
    Deserializer::new()
        .deserialize(&mut Cursor::new(bytes))
        .context("the latencies of a slice are no histogram")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_come_back_as_they_were() {
        let latencies = recorded();
        assert_eq!(decode(&encode(&latencies).unwrap()).unwrap(), latencies);
    }

    #[test]
    fn a_slow_answer_is_as_slow_as_it_was() {
        assert_near(recorded().value_at_quantile(0.5), 700);
        assert_near(recorded().max(), 5_000_000);
    }

    #[test]
    fn what_takes_longer_than_a_minute_is_counted() {
        let mut latencies = none().unwrap();
        record(&mut latencies, Duration::from_secs(120));
        assert_eq!(latencies.len(), 1);
    }

    #[track_caller]
    fn assert_near(micros: u64, expected: u64) {
        assert!(micros.abs_diff(expected) <= expected / 100, "{micros}");
    }

    fn recorded() -> Histogram<u64> {
        let mut latencies = none().unwrap();
        for millis in [0.7, 0.7, 0.7, 5_000.0] {
            record(&mut latencies, Duration::from_secs_f64(millis / 1e3));
        }
        latencies
    }
}
