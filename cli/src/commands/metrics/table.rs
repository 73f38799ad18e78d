//! Results, for people and for programs.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use stylegan_base::units::grouped;
use stylegan_evaluation::Outcome;
use stylegan_metrics::{Better, LooksAt, Measure, Reals};

/// All measures, with what they need.
pub(super) fn list(measures: &[Measure]) -> String {
    let mut text = String::new();
    for Measure { name, about, looks_at, reals, fakes, .. } in measures {
        let through = match looks_at {
            LooksAt::Pictures(_) => String::new(),
            LooksAt::Features { network, .. } => format!(", through `{network}`"),
            LooksAt::Paths { network, .. } => format!(", of a checkpoint, through `{network}`"),
            LooksAt::Classes => ", of a checkpoint, through classifiers".to_owned(),
            LooksAt::Factors => ", of a checkpoint, by true labels".to_owned(),
        };
        let reals = match reals {
            Reals::None => String::new(),
            Reals::All => " and all reals".to_owned(),
            Reals::AtMost(most) => format!(" and {} reals", grouped(most)),
            Reals::AsFakes => " and as many reals".to_owned(),
        };
        let _ = writeln!(text, "{name:<15} {about} ({} fakes{reals}{through})", grouped(fakes));
    }
    text
}

/// One number a line, with the pictures it is of.
pub(super) fn of_one(outcomes: &[Outcome]) -> String {
    let numbers = || outcomes.iter().flat_map(|outcome| &outcome.numbers);
    let width = numbers().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for outcome in outcomes {
        let of = match outcome.reals {
            0 => format!("{} fakes", grouped(outcome.fakes)),
            reals => format!("{} fakes, {} reals", grouped(outcome.fakes), grouped(reals)),
        };
        for (index, (name, value)) in outcome.numbers.iter().enumerate() {
            let value = shown(*value);
            let _ = match index {
                0 => writeln!(text, "{name:<width$}  {value:>10}  {of}"),
                _ => writeln!(text, "{name:<width$}  {value:>10}"),
            };
        }
    }
    text
}

/// A line a snapshot with the first number of each measure, the best one marked.
pub(super) fn of_many(curve: &[(String, Vec<Outcome>)]) -> String {
    let Some((_, first)) = curve.first() else { return String::new() };
    let widest = curve.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = format!("{:<widest$}", "snapshot");
    for outcome in first {
        let _ = write!(text, "  {:>12}", outcome.numbers.first().map_or("", |(name, _)| name));
    }
    text.push('\n');
    let best: Vec<Option<usize>> = (0..first.len()).map(|measure| best(curve, measure)).collect();
    for (row, (name, outcomes)) in curve.iter().enumerate() {
        let _ = write!(text, "{name:<widest$}");
        for (outcome, best) in outcomes.iter().zip(&best) {
            let mark = if *best == Some(row) { "*" } else { "" };
            let _ = write!(text, "  {:>12}", format!("{}{mark}", shown(outcome.first())));
        }
        text.push('\n');
    }
    text
}

/// The snapshot with the best first number of a measure, if one is better than another.
fn best(curve: &[(String, Vec<Outcome>)], measure: usize) -> Option<usize> {
    let outcome = |row: usize| curve[row].1.get(measure);
    let sign = match outcome(0)?.measure.better {
        Better::Lower => 1.0,
        Better::Higher => -1.0,
        Better::Neither => return None,
    };
    let value = |row: &usize| sign * outcome(*row).map_or(f64::NAN, Outcome::first);
    (0..curve.len()).filter(|row| value(row).is_finite()).min_by(|a, b| value(a).total_cmp(&value(b)))
}

/// A value with as many digits as it is worth.
fn shown(value: f64) -> String {
    // What rounds to nothing has no sign.
    let value = if value.abs() < 5e-6 { 0.0 } else { value };
    match value.abs() {
        100.0.. => format!("{value:.1}"),
        1.0.. => format!("{value:.3}"),
        _ => format!("{value:.5}"),
    }
}

/// One JSON object with all numbers by name.
pub(super) fn json(outcomes: &[Outcome], snapshot: Option<&str>) -> String {
    let mut object = Map::new();
    if let Some(snapshot) = snapshot {
        object.insert("snapshot".to_owned(), json!(snapshot));
    }
    object.extend(outcomes.iter().flat_map(Outcome::results));
    format!("{}\n", Value::Object(object))
}

#[cfg(test)]
mod tests {
    use stylegan_metrics::MEASURES;

    use super::*;

    fn outcome(measure: &str, value: f64) -> Outcome {
        let measure = Measure::of(measure).unwrap();
        let numbers = vec![(measure.name.to_owned(), value), (format!("{}_x", measure.name), 0.5)];
        Outcome { measure, numbers, reals: 12_000, fakes: 50, elapsed_secs: 1.0 }
    }

    #[test]
    fn one_number_a_line() {
        let text = of_one(&[outcome("fid50k_full", 12.345_67), outcome("swd", 1234.0)]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "fid50k_full        12.346  50 fakes, 12 000 reals".replace("12 000", &grouped(12_000))
        );
        assert_eq!(lines[1], "fid50k_full_x     0.50000");
        assert_eq!(lines.len(), 4);
    }

    #[test]
    fn the_best_is_marked_whichever_way_that_is() {
        let row = |name: &str, fid: f64, precision: f64, similarity: f64| {
            let outcomes = vec![
                outcome("fid50k_full", fid),
                outcome("pr50k3_full", precision),
                outcome("ms_ssim", similarity),
            ];
            (name.to_owned(), outcomes)
        };
        let curve = [row("a", 9.0, 0.25, 0.5), row("b", 4.0, 0.125, 0.75), row("c", f64::NAN, 0.5, 0.25)];
        let text = of_many(&curve);
        let marked: Vec<String> =
            text.split_whitespace().filter(|word| word.ends_with('*')).map(str::to_owned).collect();
        assert_eq!(marked, ["4.000*", "0.50000*"]);
        assert_eq!(text.lines().count(), 4);
        assert_eq!(
            json(&curve[0].1[..1], Some("a")),
            "{\"snapshot\":\"a\",\"fid50k_full\":9.0,\"fid50k_full_x\":0.5}\n"
        );
    }

    #[test]
    fn the_list_says_what_each_needs() {
        let list = list(MEASURES);
        assert_eq!(list.lines().count(), MEASURES.len());
        assert!(list.contains("ms_ssim") && list.contains("through `inception`"), "{list}");
    }
}
