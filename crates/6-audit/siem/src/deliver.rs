//! One batch to one receiver: sent, and where something in it is bad, parted until the bad event is found.

use std::{collections::VecDeque, time::Duration};

use authz::{SystemPermit, act_as_system};
use domain::{Clock, Timestamp};
use egress::{Egress, Request};
use store::{Store, siem::Claim};

use crate::exporters::{Answer, Exporter, Item, Part, Rendered, Stop, Verdict, said};

const SYSTEM: SystemPermit = act_as_system("delivery to a SIEM keeps its lease");
/// Answers longer than this are not read.
const LONGEST_ANSWER: u64 = 1 << 20;
/// How often what a receiver wants again is sent again at once, before the whole batch waits.
const QUICK: u32 = 3;

/// The way to a receiver.
pub(crate) struct Wire<'a> {
    pub egress: &'a Egress,
    pub exporter: &'a dyn Exporter,
    pub clock: &'a Clock,
    pub timeout: Duration,
    /// How often, and for how long, it is asked whether it kept what it took.
    pub ask_every: Duration,
    pub ask_for: Duration,
    /// Failures in a row before this batch.
    pub failures: u32,
    /// So many refused in a row, with nothing taken between them, and it is the destination that is wrong.
    pub strikes: u32,
}

/// The right to deliver, and until when.
pub(crate) struct Lease {
    pub store: Store,
    pub clock: Clock,
    pub claim: Claim,
    pub until: Timestamp,
    pub length: Duration,
}

/// The lease is somebody else's, or the destination was changed: nothing more may be sent.
#[derive(Debug, thiserror::Error)]
#[error("the lease of the destination ended")]
pub(crate) struct Lost;

impl Lease {
    /// Makes sure that the lease lasts for `needed` from now.
    pub async fn lasts(&mut self, needed: Duration) -> Result<(), Lost> {
        let now = self.clock.now();
        if self.until >= now + needed {
            return Ok(());
        }
        let until = now + self.length;
        match self.store.siem_renew(SYSTEM, &self.claim, until).await {
            Ok(true) => {
                self.until = until;
                Ok(())
            }
            Ok(false) => Err(Lost),
            Err(error) => {
                tracing::warn!(%error, "the lease of a SIEM destination could not be kept");
                Err(Lost)
            }
        }
    }
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// For each event whether it needs no more doing.
    pub settled: Vec<bool>,
    /// Which were refused for good, and why.
    pub refused: Vec<(usize, String)>,
    pub taken: u64,
    /// Requests beyond the first that each event needed.
    pub retries: u64,
    pub stop: Option<Stop>,
}

impl Outcome {
    /// How many from the front need no more doing.
    pub fn front(&self) -> usize {
        self.settled.iter().take_while(|settled| **settled).count()
    }
}

impl Wire<'_> {
    /// The longest that an attempt takes.
    pub fn longest(&self) -> Duration {
        self.timeout + self.timeout + self.ask_for
    }

    /// Delivers `events` of a stream, front to back.
    pub async fn deliver(
        &self,
        stream: &'static str,
        events: &[Rendered],
        lease: &mut Lease,
        strikes: &mut u32,
    ) -> Result<Outcome, Lost> {
        let mut outcome = Outcome { settled: vec![false; events.len()], ..Outcome::default() };
        let mut pending: VecDeque<usize> = (0..events.len()).collect();
        let mut size = pending.len();
        let mut quick = 0;
        while !pending.is_empty() {
            if *strikes >= self.strikes {
                let why = outcome.refused.last().map(|(_, why)| why.clone()).unwrap_or_default();
                outcome.stop = Some(Stop::Hold(format!("the receiver refuses one event after the other: {why}")));
                break;
            }
            lease.lasts(self.longest()).await?;
            let part: Vec<usize> = pending.iter().copied().take(size.max(1)).collect();
            let dressed: Vec<&Rendered> = part.iter().map(|index| &events[*index]).collect();
            let verdict = self.attempt(&Part { stream, events: &dressed, now: self.clock.now() }).await;
            let mut settle = |index: usize, outcome: &mut Outcome| {
                outcome.settled[index] = true;
                pending.retain(|other| *other != index);
            };
            match verdict {
                Verdict::Delivered | Verdict::Acknowledge(_) => {
                    outcome.taken += part.len() as u64;
                    *strikes = 0;
                    pending.drain(..part.len());
                    part.iter().for_each(|index| outcome.settled[*index] = true);
                    size = size.max(1).saturating_mul(2);
                }
                Verdict::Items(items) => {
                    let (mut again, mut stop) = (None, None);
                    for (index, item) in part.iter().zip(items) {
                        match item {
                            Item::Taken => {
                                settle(*index, &mut outcome);
                                outcome.taken += 1;
                                *strikes = 0;
                            }
                            Item::Refused(why) => {
                                settle(*index, &mut outcome);
                                outcome.refused.push((*index, why));
                                *strikes += 1;
                            }
                            Item::Again(why) => again = Some(why),
                            Item::Hold(hold) => stop = Some(hold),
                        }
                    }
                    if let Some(stop) = stop {
                        outcome.stop = Some(stop);
                        break;
                    }
                    if let Some(why) = again {
                        quick += 1;
                        outcome.retries += 1;
                        if quick > QUICK {
                            outcome.stop = Some(Stop::Again { why, after: None });
                            break;
                        }
                        tokio::time::sleep(self.ask_every).await;
                    }
                }
                Verdict::Bad { why, at: Some(at) } if at < part.len() => {
                    part[..at].iter().for_each(|index| settle(*index, &mut outcome));
                    outcome.taken += at as u64;
                    if at > 0 {
                        *strikes = 0;
                    }
                    self.put_aside(part[at], why, &mut outcome, &mut pending, strikes);
                    outcome.retries += 1;
                }
                Verdict::Bad { why, .. } if self.is_patient() => {
                    outcome.stop = Some(Stop::Again { why, after: None });
                }
                Verdict::Bad { why, .. } | Verdict::TooLarge(why) => {
                    if part.len() > 1 {
                        size = part.len() / 2;
                        outcome.retries += 1;
                    } else {
                        self.put_aside(part[0], why, &mut outcome, &mut pending, strikes);
                    }
                }
                Verdict::Stop(stop) => {
                    outcome.stop = Some(stop);
                    break;
                }
            }
            if outcome.stop.is_some() {
                break;
            }
        }
        Ok(outcome)
    }

    fn is_patient(&self) -> bool {
        self.failures < self.exporter.patience()
    }

    fn put_aside(
        &self,
        index: usize,
        why: String,
        outcome: &mut Outcome,
        pending: &mut VecDeque<usize>,
        strikes: &mut u32,
    ) {
        if self.is_patient() {
            outcome.stop = Some(Stop::Again { why, after: None });
            return;
        }
        outcome.settled[index] = true;
        pending.retain(|other| *other != index);
        outcome.refused.push((index, why));
        *strikes += 1;
    }

    /// One request, and where the receiver numbers what it takes, asking until it has kept it.
    pub async fn attempt(&self, part: &Part<'_>) -> Verdict {
        let answer = match self.call(self.exporter.request(part)).await {
            Ok(answer) => answer,
            Err(stop) => return Verdict::Stop(stop),
        };
        let verdict = self.exporter.judge(&answer, part.events.len());
        let Verdict::Acknowledge(number) = verdict else { return verdict };
        let asking = async {
            loop {
                tokio::time::sleep(self.ask_every).await;
                let Some(request) = self.exporter.ask(number) else { return Verdict::Delivered };
                let known = match self.call(request).await {
                    Ok(answer) => self.exporter.asked(&answer, number),
                    Err(stop) => Err(stop),
                };
                match known {
                    Ok(true) => return Verdict::Delivered,
                    // A question that failed is asked again: the events themselves are there.
                    Ok(false) | Err(Stop::Again { .. }) => {}
                    Err(stop) => return Verdict::Stop(stop),
                }
            }
        };
        tokio::time::timeout(self.ask_for, asking).await.unwrap_or_else(|_| {
            let why = format!("the receiver took a batch and did not acknowledge it within {:?}", self.ask_for);
            Verdict::Stop(Stop::Again { why, after: None })
        })
    }

    async fn call(&self, request: Result<Request, egress::Error>) -> Result<Answer, Stop> {
        let mut request = request.map_err(|error| Stop::Hold(error.to_string()))?;
        request.timeout = self.timeout;
        if request.max_response_bytes > (8 << 20) {
            request.max_response_bytes = LONGEST_ANSWER;
        }
        let response = self.egress.send(request).await.map_err(failed)?;
        let status = response.status.as_u16();
        let retry_after = response.header("retry-after").and_then(|text| text.trim().parse().ok());
        let retry_after = retry_after.map(Duration::from_secs);
        let body = match response.body.collect().await {
            Ok(body) => body.to_vec(),
            // The status counts; what it said beyond is only for people.
            Err(egress::Error::ResponseTooLarge { .. }) if !(200..300).contains(&status) => Vec::new(),
            Err(error) => return Err(failed(error)),
        };
        Ok(Answer { status, retry_after, body })
    }
}

fn failed(error: egress::Error) -> Stop {
    let mut why = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        why.push_str(": ");
        why.push_str(&inner.to_string());
        cause = inner.source();
    }
    let why = said(why.as_bytes()).trim_start_matches(": ").to_owned();
    if error.is_refusal() || matches!(error, egress::Error::InvalidUrl | egress::Error::InvalidHeader) {
        Stop::Hold(why)
    } else {
        Stop::Again { why, after: None }
    }
}
