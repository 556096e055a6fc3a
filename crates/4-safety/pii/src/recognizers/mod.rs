//! One file per kind. Each pushes what it is sure of; overlaps are settled afterwards.

pub(crate) mod api_key;
pub(crate) mod card;
pub(crate) mod crypto;
pub(crate) mod digits;
pub(crate) mod email;
pub(crate) mod iban;
pub(crate) mod ip;
pub(crate) mod jwt;
pub(crate) mod names;
pub(crate) mod national_id;
pub(crate) mod phone;
pub(crate) mod ssn;
