//! Reading the CSV of an export: every cell is quoted, and a cell that a spreadsheet would compute begins with an
//! apostrophe that is not part of it.

/// All rows, cells as they were meant; the number of the line that is not CSV.
pub(super) fn rows(text: &str) -> Result<Vec<Vec<String>>, u64> {
    let (mut rows, mut row) = (Vec::new(), Vec::new());
    let mut rest = text;
    while !rest.is_empty() {
        let (cell, after) = cell(rest).ok_or(rows.len() as u64 + 1)?;
        row.push(cell);
        rest = match after.strip_prefix(',') {
            Some(more) => more,
            None => {
                rows.push(std::mem::take(&mut row));
                after.strip_prefix("\r\n").or_else(|| after.strip_prefix('\n')).ok_or(rows.len() as u64)?
            }
        };
    }
    if row.is_empty() { Ok(rows) } else { Err(rows.len() as u64 + 1) }
}

fn cell(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('"')?;
    let mut cell = String::new();
    loop {
        let (part, after) = rest.split_once('"')?;
        cell.push_str(part);
        match after.strip_prefix('"') {
            Some(more) => {
                cell.push('"');
                rest = more;
            }
            None => {
                let plain = cell.strip_prefix('\'').map(str::to_owned).unwrap_or(cell);
                return Some((plain, after));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_come_back_as_they_were() {
        let text = "\"a\",\"with \"\"quotes\"\", comma\nand line\"\r\n\"'=1+1\",\"\"\r\n";
        let expected = vec![vec!["a", "with \"quotes\", comma\nand line"], vec!["=1+1", ""]];
        assert_eq!(rows(text).unwrap(), expected);
        assert!(rows("\"a").is_err() && rows("a,b\n").is_err() && rows("\"a\"x\n").is_err());
    }
}
