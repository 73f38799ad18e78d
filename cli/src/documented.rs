//! Commands in the documents are commands of this program.

use clap::Parser;
use stylegan_trainer::preset_names;

use crate::Cli;

const README: &str = include_str!("../../README.md");
const CONTRIBUTING: &str = include_str!("../../CONTRIBUTING.md");
const DRAWING: &str = include_str!("../../docs/drawing.md");

/// Everything between back-ticks in a line.
fn spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// What stands behind the program's name, in any of the forms that documents use.
fn arguments(text: &str) -> Option<&str> {
    let text = text.strip_prefix("$ ").unwrap_or(text);
    ["stylegan ", "target/release/stylegan ", "cargo run --release -- "]
        .iter()
        .find_map(|program| text.strip_prefix(program))
}

fn check(arguments: &str, line: &str) {
    let words = shlex::split(arguments).unwrap_or_else(|| panic!("a quote is missing: {line}"));
    if let Err(error) = Cli::try_parse_from(std::iter::once("stylegan".to_owned()).chain(words))
        && error.use_stderr()
    {
        panic!("`{arguments}` of {line}\n{error}");
    }
}

/// Checks every command of a text, and every flag that the same line explains beside it; returns how many commands.
fn check_all(text: &str) -> usize {
    let mut count = 0;
    for line in text.lines() {
        let mut command = arguments(line.trim_start());
        if let Some(command) = command {
            check(command, line);
            count += 1;
        }
        for span in spans(line) {
            if let Some(found) = arguments(span) {
                check(found, line);
                command = Some(found);
                count += 1;
            } else if let (Some(command), true) = (command, span.starts_with("--")) {
                check(&format!("{command} {span}"), line);
            }
        }
    }
    count
}

#[test]
fn the_readmes_commands_are_understood() {
    assert!(check_all(README) >= 9);
    check_all(CONTRIBUTING);
    assert!(check_all(DRAWING) >= 5);
}

#[test]
fn every_command_stands_in_the_readme() {
    let commands: Vec<_> = README.lines().flat_map(spans).filter_map(arguments).collect();
    for command in <Cli as clap::CommandFactory>::command().get_subcommands() {
        let name = command.get_name();
        assert!(commands.iter().any(|line| line.split(' ').next() == Some(name)), "`stylegan {name}`");
    }
}

#[test]
fn the_presets_of_the_readme_are_there_and_their_heads_can_be_typed() {
    let listed: Vec<_> =
        README.lines().find(|line| line.starts_with("Presets: ")).into_iter().flat_map(spans).collect();
    assert!(listed.contains(&"faces-64"), "{listed:?}");
    for name in listed.iter().filter(|name| !name.ends_with('/')) {
        assert!(preset_names().any(|preset| preset == *name), "`{name}`");
    }
    for name in preset_names() {
        let path = format!("{}/../configs/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        let head = std::fs::read_to_string(path).unwrap();
        let command = head.lines().find_map(|line| arguments(line.strip_prefix("# command  ")?));
        check(command.unwrap_or_else(|| panic!("{name} names no command")), name);
        // A range of rows is written with its ends.
        let is_listed = listed.contains(&name) || name.starts_with("ablation/");
        assert!(is_listed, "`{name}` is not in the README");
    }
}

/// What a script of `scripts/` does, where there is a Python.
fn script(name: &str, arguments: &[&str]) -> Option<std::process::Output> {
    let path = format!("{}/../scripts/{name}", env!("CARGO_MANIFEST_DIR"));
    std::process::Command::new("python3").arg(path).args(arguments).output().ok()
}

#[test]
fn what_a_step_takes_on_a_gpu_is_predicted_as_documented() {
    const PERFORMANCE: &str = include_str!("../../docs/performance.md");
    for arguments in [&["--check"][..], &[]] {
        let Some(predicted) = script("measure/step-model", arguments) else { return };
        assert!(predicted.status.success(), "{predicted:?}");
        let table = String::from_utf8(predicted.stdout).unwrap();
        assert!(
            table.lines().count() > 5 && PERFORMANCE.contains(&table),
            "not in docs/performance.md:\n{table}"
        );
    }
}

#[test]
fn the_commands_that_a_gpu_machine_runs_are_understood() {
    let Some(listed) = script("on-gpu", &["--list"]) else { return };
    let listed = String::from_utf8(listed.stdout).unwrap();
    let parts: Vec<&str> = listed.lines().filter_map(|line| line.split(' ').next()).collect();
    let dry = script("on-gpu", &["--dry-run", "--minutes", "60"]).unwrap();
    let said = String::from_utf8(dry.stderr).unwrap();
    assert!(dry.status.success(), "{said}");
    for part in &parts {
        assert!(said.contains(&format!("# {part}, for at most ")), "`{part}` is left out: {said}");
    }
    let mut count = 0;
    // A script may start the program in its turn.
    let started = said.lines().filter_map(|line| line.split_once("programs/stylegan "));
    for (_, command) in started.filter(|(_, command)| !command.starts_with("--")) {
        check(command, command);
        count += 1;
    }
    assert!(count > 30, "{count} commands of {parts:?}: {said}");
}

#[test]
#[should_panic(expected = "--sedes")]
fn a_slip_of_the_pen_is_found() {
    check_all("| `stylegan sample --checkpoint RUN --sedes 0-15 --out faces.png` | draws |");
}
