//! The rate budget: AWS counts requests by account, Region and service.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::time;

/// A token bucket: so many requests at once, so many a second from then on.
#[derive(Debug)]
pub(crate) struct Pace {
    per_second: f64,
    burst: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tokens: f64,
    at: Instant,
}

impl Pace {
    /// EC2 refills its bucket of describe calls by twenty a second and lets a hundred go at once.
    pub(crate) fn new(per_second: f64) -> Self {
        let burst = (per_second * 5.0).max(1.0);
        Self { per_second, burst, state: Mutex::new(State { tokens: burst, at: Instant::now() }) }
    }

    /// Waits until a request may be sent. Those who wait are served in their order.
    pub(crate) async fn wait(&self) {
        let mut state = self.state.lock().await;
        let now = Instant::now();
        state.tokens = (state.tokens + now.duration_since(state.at).as_secs_f64() * self.per_second).min(self.burst);
        state.at = now;
        if state.tokens < 1.0 {
            let missing = Duration::from_secs_f64((1.0 - state.tokens) / self.per_second);
            time::sleep(missing).await;
            state.tokens = 1.0;
            state.at = Instant::now();
        }
        state.tokens -= 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_burst_is_free_and_then_requests_are_spread() {
        let pace = Pace::new(100.0);
        let start = Instant::now();
        for _ in 0..500 {
            pace.wait().await;
        }
        let burst = start.elapsed();
        for _ in 0..20 {
            pace.wait().await;
        }
        // Twenty more than the burst take at least a fifth of a second, less what flowed in meanwhile.
        assert!(start.elapsed() >= Duration::from_millis(190), "{burst:?} {:?}", start.elapsed());
    }
}
