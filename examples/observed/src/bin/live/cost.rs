//! What a scrape costs.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::Failed;
use crate::http::Http;

/// The most series that all tenants together may make, with those of the exporter.
const MOST_SERIES: usize = 400;

/// What half of the scrapes may take.
const MOST_TIME: Duration = Duration::from_millis(100);

/// Scrapes some times, and says how many series came and how long it took.
pub(crate) async fn of_a_scrape(http: &Http, gateway: &str, when: &str) -> Result<(), Failed> {
    let url = format!("{gateway}/metrics");
    let mut took = Vec::new();
    let mut text = String::new();
    for _ in 0..21 {
        let began = Instant::now();
        text = http.get(&url).await?;
        took.push(Instant::now().saturating_duration_since(began));
        sleep(Duration::from_millis(50)).await;
    }
    took.sort();
    let series = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .count();
    let (half, longest) = (took[took.len() / 2], took[took.len() - 1]);
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "a scrape {when}: {series} series, {} bytes, {:.1} ms (median of 21; the longest {:.1} ms)",
        text.len(),
        millis(half),
        millis(longest)
    );
    if series > MOST_SERIES || half > MOST_TIME {
        let bounds = format!("{MOST_SERIES} series and {} ms", MOST_TIME.as_millis());
        return Err(format!("a scrape costs more than {bounds}").into());
    }
    Ok(())
}
