//! What is read off the pooled state: a linear answer per label, turned into a probability by two numbers that were
//! fitted on texts held back from training.

use serde_json::Value;

use crate::math;

/// A dense matrix in full precision; heads are small.
pub struct Dense {
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
}

impl Dense {
    pub fn outputs(&self) -> usize {
        self.bias.len()
    }

    fn of(&self, input: &[f32]) -> Vec<f32> {
        let rows = self.weight.chunks_exact(self.weight.len() / self.bias.len());
        rows.zip(&self.bias).map(|(row, bias)| math::dot(row, input) + bias).collect()
    }
}

/// One output of a head.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    pub name: String,
    /// Probability from which it counts.
    pub threshold: f32,
    /// Probability from which it counts together with other evidence; at most the threshold.
    pub grey: f32,
    /// `p = sigmoid(slope * logit + shift)`; `a` and `b` in the file.
    slope: f32,
    shift: f32,
}

/// A head.
pub struct Head {
    between: Option<Dense>,
    out: Dense,
    pub labels: Vec<Label>,
}

impl Head {
    /// `facts` are labels, thresholds, calibration and grey of this head; what is absent takes a plain default, what is
    /// there must fit.
    pub(crate) fn new(
        name: &str,
        between: Option<Dense>,
        out: Dense,
        facts: [&Value; 4],
    ) -> Result<Self, &'static str> {
        let [names, thresholds, calibration, greys] = facts;
        let count = out.outputs();
        let share = |value: &Value| value.as_f64().filter(|x| (0.0..=1.0).contains(x)).map(|x| x as f32);
        let finite = |value: &Value| value.as_f64().map(|x| x as f32).filter(|x| x.is_finite());
        let at = |table: &Value, index: usize| -> Option<Value> {
            match table {
                Value::Array(items) if items.len() == count => items.get(index).cloned(),
                one if count == 1 && !one.is_array() => Some(one.clone()),
                _ => None,
            }
        };
        let labels = (0..count)
            .map(|index| {
                let label = match names {
                    Value::Null => format!("{name}{}", if count == 1 { String::new() } else { format!("/{index}") }),
                    names => at(names, index).and_then(|n| n.as_str().map(str::to_owned)).ok_or("a label")?,
                };
                let threshold = match thresholds {
                    Value::Null => 0.5,
                    all => at(all, index).as_ref().and_then(share).ok_or("a threshold")?,
                };
                let grey = match greys {
                    Value::Null => threshold,
                    all => at(all, index).as_ref().and_then(share).ok_or("a grey band")?.min(threshold),
                };
                let (slope, shift) = match calibration {
                    Value::Null => (1.0, 0.0),
                    all => {
                        let pair = at(all, index).ok_or("a calibration")?;
                        finite(&pair["a"]).zip(finite(&pair["b"])).ok_or("a calibration")?
                    }
                };
                Ok(Label { name: label, threshold, grey, slope, shift })
            })
            .collect::<Result<Vec<_>, &'static str>>()?;
        Ok(Self { between, out, labels })
    }

    /// The bare answers.
    pub fn logits(&self, pooled: &[f32]) -> Vec<f32> {
        match &self.between {
            None => self.out.of(pooled),
            Some(between) => {
                let mut inner = between.of(pooled);
                math::gelu(&mut inner);
                self.out.of(&inner)
            }
        }
    }

    /// Probabilities, one per label.
    pub fn probabilities(&self, pooled: &[f32]) -> Vec<f32> {
        let logits = self.logits(pooled);
        self.labels.iter().zip(logits).map(|(label, x)| math::sigmoid(label.slope * x + label.shift)).collect()
    }
}
