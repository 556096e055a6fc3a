//! An answer that is written while it is sent: its intent is on disk before the first byte, its outcome before the last.

use axum::body::{Body, Bytes};
use domain::{AuditResult, Json};
use serde_json::json;
use tokio::io::{AsyncReadExt, DuplexStream, duplex};

use crate::{operation::Operation, problems::Problem, request::Identified, rooms::Rooms};

/// What waits between the writer and the client.
const BETWEEN: usize = 64 * 1024;

impl Identified {
    /// Streams what `work` writes. Its answer is the outcome's detail; when it fails, or when the client goes away, the
    /// outcome says so and the answer breaks off.
    ///
    /// # Errors
    /// As [`Identified::audited`], for the intent.
    pub async fn audited_stream<F>(
        &self,
        operation: Operation,
        target: Option<String>,
        detail: Json,
        work: impl FnOnce(Rooms, DuplexStream) -> F + Send + 'static,
    ) -> Result<Body, Problem>
    where
        F: Future<Output = Result<Json, Problem>> + Send + 'static,
    {
        let intent = self.intent(operation, target, detail).await?;
        let (write, read) = duplex(BETWEEN);
        let rooms = self.rooms.clone();
        let written = tokio::spawn(async move {
            // the end of what is read comes when `write` is dropped by `work`; the outcome is awaited after it
            let done = work(rooms, write).await;
            let (result, detail) = match &done {
                Ok(detail) => (AuditResult::Succeeded, detail.clone()),
                Err(problem) => (AuditResult::Failed, json!({ "code": problem.kind().code() })),
            };
            intent.outcome(result, detail).await.map_err(Problem::from).and(done).is_ok()
        });
        let parts = futures::stream::unfold(Some((read, written)), |state| async move {
            let (mut read, written) = state?;
            let mut part = vec![0; BETWEEN / 2];
            match read.read(&mut part).await {
                Ok(0) => match written.await {
                    Ok(true) => None,
                    _ => Some((Err(std::io::Error::other("the answer could not be written to its end")), None)),
                },
                Ok(count) => {
                    part.truncate(count);
                    Some((Ok(Bytes::from(part)), Some((read, written))))
                }
                Err(error) => Some((Err(error), None)),
            }
        });
        Ok(Body::from_stream(parts))
    }
}
