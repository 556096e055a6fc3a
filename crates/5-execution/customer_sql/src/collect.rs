//! Rows as they come, up to the limits.

use domain::Json;

use crate::{Column, Limits, Rows};

/// Gathers rows.
pub(crate) struct Collector {
    limits: Limits,
    rows: Rows,
    bytes: usize,
}

impl Collector {
    pub fn new(limits: Limits, columns: Vec<Column>) -> Self {
        let rows = Rows { columns, rows: Vec::new(), rows_affected: 0, truncated: false };
        Self { limits, rows, bytes: 0 }
    }

    /// Whether there is room for another row; notes that there was one when there is not.
    pub fn has_room(&mut self) -> bool {
        self.rows.truncated |= self.rows.rows.len() >= self.limits.max_rows;
        !self.rows.truncated
    }

    /// Takes a row's values, in the order of the columns.
    pub fn push(&mut self, values: Vec<Json>) {
        let names = unique(&self.rows.columns);
        let row: serde_json::Map<String, Json> = names.into_iter().zip(values).collect();
        let row = Json::Object(row);
        self.bytes += size(&row);
        if self.bytes > self.limits.max_bytes {
            self.rows.truncated = true;
        } else {
            self.rows.rows.push(row);
        }
    }

    pub fn affected(&mut self, count: u64) {
        self.rows.rows_affected += count;
    }

    pub fn finish(self) -> Rows {
        self.rows
    }
}

/// The columns' names; a second `id` becomes `id_2`, because an object has every key once.
fn unique(columns: &[Column]) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(columns.len());
    for column in columns {
        let mut name = column.name.clone();
        let mut number = 2;
        while names.contains(&name) {
            name = format!("{}_{number}", column.name);
            number += 1;
        }
        names.push(name);
    }
    names
}

/// About as many bytes as the value has as text, without making the text.
fn size(value: &Json) -> usize {
    match value {
        Json::Null | Json::Bool(_) => 5,
        Json::Number(_) => 10,
        Json::String(text) => text.len() + 2,
        Json::Array(all) => 2 + all.iter().map(|value| size(value) + 1).sum::<usize>(),
        Json::Object(all) => 2 + all.iter().map(|(name, value)| name.len() + 4 + size(value)).sum::<usize>(),
    }
}

/// A whole number; beyond 2^53, where readers of JSON lose digits, as text.
pub(crate) fn whole(number: i64) -> Json {
    const EXACT: i64 = 1 << 53;
    if (-EXACT..=EXACT).contains(&number) { number.into() } else { number.to_string().into() }
}

/// A fraction; what JSON cannot write (NaN, infinities) as text.
pub(crate) fn fraction(number: f64) -> Json {
    serde_json::Number::from_f64(number).map_or_else(|| number.to_string().into(), Json::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        assert_eq!(whole(1 << 53), serde_json::json!(9_007_199_254_740_992_i64));
        assert_eq!(whole((1 << 53) + 1), serde_json::json!("9007199254740993"));
        assert_eq!(fraction(f64::NAN), serde_json::json!("NaN"));
    }

    #[test]
    fn columns_of_one_name_are_all_kept() {
        let column = |name: &str| Column { name: name.into(), kind: String::new() };
        assert_eq!(unique(&[column("id"), column("id"), column("id_2")]), ["id", "id_2", "id_2_2"]);
    }
}
