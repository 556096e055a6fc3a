//! Recall, false-positive rate, precision, F1 and AUC with 95 % intervals.

/// A figure and its interval; absent when there is nothing to divide by.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Interval {
    pub value: Option<f64>,
    pub low: f64,
    pub high: f64,
}

/// The figures of one file.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Scores {
    pub recall: Interval,
    pub fpr: Interval,
    pub precision: Interval,
    pub f1: Interval,
    pub auc: Interval,
}

impl Scores {
    /// From label, score and verdict of each row.
    pub fn of(rows: &[(bool, f32, bool)]) -> Self {
        let count = |label: bool, verdict: bool| rows.iter().filter(|row| row.0 == label && row.2 == verdict).count();
        let (tp, fp, r#fn, tn) = (count(true, true), count(false, true), count(true, false), count(false, false));
        Self {
            recall: share(tp, tp + r#fn),
            fpr: share(fp, fp + tn),
            precision: share(tp, tp + fp),
            f1: f1(tp, fp, r#fn),
            auc: auc(rows),
        }
    }
}

/// Wilson's interval.
pub fn share(part: usize, whole: usize) -> Interval {
    if whole == 0 {
        return Interval::default();
    }
    let (n, p, z) = (whole as f64, part as f64 / whole as f64, 1.959_964_f64);
    let middle = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    Interval { value: Some(p), low: (middle - half).max(0.0), high: (middle + half).min(1.0) }
}

/// F1 is a share too: of 2·tp among 2·tp + fp + fn; its interval follows from that.
pub fn f1(tp: usize, fp: usize, r#fn: usize) -> Interval {
    if tp + fp + r#fn == 0 || tp + r#fn == 0 {
        return Interval::default();
    }
    let exact = 2.0 * tp as f64 / (2 * tp + fp + r#fn) as f64;
    let about = share(tp, tp + fp + r#fn);
    let of = |jaccard: f64| 2.0 * jaccard / (1.0 + jaccard);
    Interval { value: Some(exact), low: of(about.low), high: of(about.high) }
}

/// The rank statistic with ties counted half; interval after Hanley and McNeil.
fn auc(rows: &[(bool, f32, bool)]) -> Interval {
    let mut sorted: Vec<(f32, bool)> = rows.iter().map(|row| (row.1, row.0)).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let positives = sorted.iter().filter(|row| row.1).count() as f64;
    let negatives = sorted.len() as f64 - positives;
    if positives == 0.0 || negatives == 0.0 {
        return Interval::default();
    }
    let (mut below, mut sum, mut i) = (0.0, 0.0, 0);
    while i < sorted.len() {
        let mut j = i;
        while j < sorted.len() && sorted[j].0 == sorted[i].0 {
            j += 1;
        }
        let here = sorted[i..j].iter().filter(|row| row.1).count() as f64;
        let others = (j - i) as f64 - here;
        sum += here * (below + others / 2.0);
        below += others;
        i = j;
    }
    let a = sum / (positives * negatives);
    let (q1, q2) = (a / (2.0 - a), 2.0 * a * a / (1.0 + a));
    let variance =
        (a * (1.0 - a) + (positives - 1.0) * (q1 - a * a) + (negatives - 1.0) * (q2 - a * a)) / (positives * negatives);
    let half = 1.96 * variance.max(0.0).sqrt();
    Interval { value: Some(a), low: (a - half).max(0.0), high: (a + half).min(1.0) }
}

/// The value below which `share` of a sorted list lies.
pub fn percentile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get(((last as f64) * share).round() as usize).copied().unwrap_or(0.0)
}
