//! What the page asks of runs.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State as Part};
use axum::http::header;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use futures_util::stream::{select, unfold};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::live::Order;
use crate::runs::{Details, LOG, Listed, Sizes, finite, from, length};
use crate::state::Shared;
use crate::{Error, Result};

/// How often those who watch a folder are told of it.
const LOOKS: Duration = Duration::from_secs(1);
/// How often steps are told.
const STEPS: Duration = Duration::from_millis(250);
/// Lines and bytes of a log that are sent at a time.
const MOST_LINES: usize = 2000;
const MOST_LOG_BYTES: u64 = 1 << 19;

/// Runs what reads files where it keeps nobody waiting.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    spawn_blocking(work).await.unwrap_or(Err(Error::Panic))
}

/// `GET /api/runs`
pub(crate) async fn list(Part(shared): Part<Arc<Shared>>) -> Result<Json<Vec<Listed>>> {
    aside(move || {
        shared.runs.refresh();
        Ok(Json(shared.runs.all().iter().map(|run| Listed::of(run, &shared.runs)).collect()))
    })
    .await
}

/// `GET /api/runs/{run}`
pub(crate) async fn one(Part(shared): Part<Arc<Shared>>, Path(id): Path<u64>) -> Result<Json<Details>> {
    aside(move || {
        shared.runs.refresh();
        Ok(Json(Details::of(&*shared.runs.get(id)?, &shared.runs, &shared.models)))
    })
    .await
}

#[derive(Debug, Deserialize)]
pub(crate) struct After {
    #[serde(default)]
    after: u64,
}

/// Rows of `stats.jsonl`, by name.
#[derive(Debug, Serialize)]
pub(crate) struct Stats {
    count: usize,
    kimg: Vec<Option<f64>>,
    elapsed_sec: Vec<Option<f64>>,
    numbers: BTreeMap<String, Vec<Option<f64>>>,
}

/// `GET /api/runs/{run}/stats`
pub(crate) async fn stats(
    Part(shared): Part<Arc<Shared>>,
    Path(id): Path<u64>,
    Query(After { after }): Query<After>,
) -> Result<Json<Stats>> {
    aside(move || {
        let curves = shared.runs.get(id)?.curves();
        let (stats, after) = (&curves.stats, after as usize);
        let rest = |values: &[f64]| finite(values.get(after..).unwrap_or_default());
        Ok(Json(Stats {
            count: stats.kimg.len(),
            kimg: rest(&stats.kimg),
            elapsed_sec: rest(&stats.elapsed_sec),
            numbers: stats.numbers.iter().map(|(name, values)| (name.clone(), rest(values))).collect(),
        }))
    })
    .await
}

#[derive(Debug, Serialize)]
pub(crate) struct Lines {
    end: u64,
    lines: Vec<Line>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Line {
    level: &'static str,
    text: String,
}

/// `GET /api/runs/{run}/log`
pub(crate) async fn log(
    Part(shared): Part<Arc<Shared>>,
    Path(id): Path<u64>,
    Query(After { after }): Query<After>,
) -> Result<Json<Lines>> {
    aside(move || {
        let path = shared.runs.get(id)?.path().join(LOG);
        let (end, start) = (length(&path), after.max(length(&path).saturating_sub(MOST_LOG_BYTES)));
        Ok(Json(lines(&from(&path, start.min(end), MOST_LOG_BYTES), start.min(end), start > after)))
    })
    .await
}

/// The whole lines of a part of a log that begins at `start`, perhaps in the middle of one.
fn lines(bytes: &[u8], start: u64, is_cut: bool) -> Lines {
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
    let text = String::from_utf8_lossy(&bytes[..whole]);
    let mut all: Vec<&str> = text.lines().collect();
    if is_cut && !all.is_empty() {
        all.remove(0);
    }
    let skipped = all.len().saturating_sub(MOST_LINES);
    let line = |text: &&str| {
        let (level, text) = match text.strip_prefix("warning: ") {
            Some(text) => ("warning", text),
            None => ("info", *text),
        };
        Line { level, text: stylegan_base::printable(text) }
    };
    Lines { end: start + whole as u64, lines: all[skipped..].iter().map(line).collect() }
}

/// `GET /api/runs/{run}/pictures/{file}`
pub(crate) async fn picture(
    Part(shared): Part<Arc<Shared>>,
    Path((id, file)): Path<(u64, String)>,
) -> Result<Response> {
    let bytes = aside(move || {
        let run = shared.runs.get(id)?;
        // Only what is listed is there: the client's words are no path.
        let is_listed =
            ["fakes", "reals"].into_iter().flat_map(|name| run.grids(name)).any(|grid| grid.file == file);
        let path = Some(run.path().join(file)).filter(|path| is_listed && path.is_file());
        std::fs::read(path.ok_or(Error::NoPicture)?).map_err(|_| Error::NoPicture)
    })
    .await?;
    let headers = [(header::CONTENT_TYPE, "image/png"), (header::CACHE_CONTROL, "private, max-age=60")];
    Ok((headers, bytes).into_response())
}

/// `POST /api/runs/{run}/{order}`
pub(crate) async fn order(
    Part(shared): Part<Arc<Shared>>,
    Path((id, order)): Path<(u64, String)>,
) -> Result<Json<()>> {
    let order = match order.as_str() {
        "pause" => Order::Pause,
        "resume" => Order::Resume,
        "save" => Order::Save,
        "stop" => Order::Stop,
        _ => return Err(Error::NoPage),
    };
    let run = shared.runs.get(id)?;
    shared.runs.live(&run).ok_or(Error::NotLive)?.order(order);
    Ok(Json(()))
}

/// `GET /api/runs/{run}/events`
pub(crate) async fn events(
    Part(shared): Part<Arc<Shared>>,
    Path(id): Path<u64>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let run = shared.runs.get(id)?;
    let steps = shared.runs.live(&run).map(crate::LiveRun::steps);
    let sizes = unfold((shared, None::<Sizes>), move |(shared, mut last)| async move {
        loop {
            if last.is_some() {
                sleep(LOOKS).await;
            }
            let asked = shared.clone();
            let now = aside(move || {
                let run = asked.runs.get(id)?;
                Ok(run.sizes(asked.runs.state(&run), LOOKS / 2))
            })
            .await
            .ok()?;
            if last != Some(now) {
                last = Some(now);
                return Some((Ok(told("changed", &now)), (shared, last)));
            }
        }
    });
    let steps = unfold(steps, |steps| async move {
        let mut steps = steps?;
        loop {
            // An error says that the training is over.
            steps.changed().await.ok()?;
            let step = *steps.borrow_and_update();
            if let Some(step) = step {
                sleep(STEPS).await;
                return Some((Ok(told("step", &step)), Some(steps)));
            }
        }
    });
    Ok(Sse::new(select(Box::pin(sizes), Box::pin(steps))).keep_alive(KeepAlive::default()))
}

fn told(name: &str, data: &impl Serialize) -> Event {
    Event::default().event(name).json_data(data).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_sent_in_whole_lines() {
        let text = b"tick 1\nwarning: a\x1b[31m full disk\ntick";
        let Lines { end, lines: all } = lines(text, 100, false);
        assert_eq!(end, 100 + 33);
        let shown: Vec<(&str, &str)> = all.iter().map(|line| (line.level, line.text.as_str())).collect();
        assert_eq!(shown[0], ("info", "tick 1"));
        assert_eq!((shown[1].0, shown[1].1.contains('\u{1b}')), ("warning", false));
        assert_eq!(lines(text, 100, true).lines.len(), 1, "the first line may have lost its beginning");
        assert_eq!(lines(b"no end", 7, false).end, 7);
    }
}
