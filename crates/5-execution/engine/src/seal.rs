//! What a run must remember, sealed under its own key (`vault::RunKey`).

use domain::{Json, Secret, StepAddress};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;
use vault::RunKey;

use crate::Error;

const INPUT: &str = "input";
const REPLY: &str = "reply";

fn seal(key: &RunKey, field: &str, index: u32, value: &impl Serialize) -> Result<Vec<u8>, Error> {
    let plain = serde_json::to_vec(value).map_err(|_| Error::Sealed)?;
    key.seal(field, index, &plain).map_err(|_| Error::Sealed)
}

fn open<T: DeserializeOwned>(key: &RunKey, field: &str, index: u32, sealed: &[u8]) -> Result<T, Error> {
    let plain = key.open(field, index, sealed).map_err(|_| Error::Sealed)?;
    serde_json::from_slice(plain.expose()).map_err(|_| Error::Sealed)
}

/// Which field an answer is sealed for; lengths keep paths and nodes apart.
fn field(step: &StepAddress) -> String {
    format!("answer/{}/{}/{}", step.path.len(), step.path, step.node)
}

/// The secrets that a run has used, so many of them at once.
pub(crate) fn secrets(key: &RunKey, id: Uuid, values: &[Secret<String>]) -> Result<Vec<u8>, Error> {
    let values: Vec<&String> = values.iter().map(Secret::expose).collect();
    let plain = Secret::new(serde_json::to_vec(&values).map_err(|_| Error::Sealed)?);
    key.seal(&format!("secrets/{id}"), 0, plain.expose()).map_err(|_| Error::Sealed)
}
pub(crate) fn open_secrets(key: &RunKey, id: Uuid, sealed: &[u8]) -> Result<Vec<Secret<String>>, Error> {
    let values: Vec<String> = open(key, &format!("secrets/{id}"), 0, sealed)?;
    Ok(values.into_iter().map(Secret::new).collect())
}
pub(crate) fn input(key: &RunKey, input: &Json) -> Result<Vec<u8>, Error> {
    seal(key, INPUT, 0, input)
}
pub(crate) fn open_input(key: &RunKey, sealed: &[u8]) -> Result<Json, Error> {
    open(key, INPUT, 0, sealed)
}
pub(crate) fn answer(key: &RunKey, step: &StepAddress, answer: &workflow::Answer) -> Result<Vec<u8>, Error> {
    seal(key, &field(step), step.index, answer)
}
pub(crate) fn open_answer(key: &RunKey, step: &StepAddress, sealed: &[u8]) -> Result<workflow::Answer, Error> {
    open(key, &field(step), step.index, sealed)
}
pub(crate) fn reply(key: &RunKey, reply: &impl Serialize) -> Result<Vec<u8>, Error> {
    seal(key, REPLY, 0, reply)
}
pub(crate) fn open_reply<T: DeserializeOwned>(key: &RunKey, sealed: &[u8]) -> Result<T, Error> {
    open(key, REPLY, 0, sealed)
}
