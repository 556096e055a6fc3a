//! Writing while the database comes and goes.

use std::time::Duration;

use domain::RunId;

use crate::engine::Inner;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

impl Inner {
    /// Tries until the database has taken it: while it is away the answers stay in memory, and when it is back the fence
    /// says whether the run is still ours. `None`: the process stops, or the database refuses for good; then the lease
    /// runs out and another worker goes on from what is on disk.
    pub(crate) async fn persist<T, F>(&self, run: RunId, write: impl Fn() -> F + Send) -> Option<T>
    where
        F: Future<Output = Result<T, store::Error>> + Send,
    {
        let mut pause = FIRST_PAUSE;
        loop {
            match write().await {
                Ok(written) => return Some(written),
                Err(store::Error::Unavailable { .. } | store::Error::Uncertain) => {
                    if self.stopping.is_cancelled() {
                        return None;
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(error) => {
                    tracing::error!(%run, %error, "the database refused what a run has to write");
                    return None;
                }
            }
        }
    }
}
