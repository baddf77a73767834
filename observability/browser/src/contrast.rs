//! Whether what is written can be read: its contrast to what it is written on.

use serde_json::Value;

use crate::browser::Browser;
use crate::failure::{Failure, ensure};

/// What is asked of text of any size (WCAG 2.2, 1.4.3, level AA).
const LEAST: f64 = 4.5;

/// The least contrast of all text that is shown, and where that is. Relative luminance and contrast ratio as WCAG 2.2
/// defines them; a ground that is see-through is what lies beneath it.
const MEASURE: &str = "
    const parts = color => color.match(/[\\d.]+/g).map(Number);
    const luminance = ([r, g, b]) => [r, g, b]
        .map(c => c / 255)
        .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = node => {
        for (; node; node = node.parentElement) {
            const color = parts(getComputedStyle(node).backgroundColor);
            if (color.length < 4 || color[3] > 0) return color;
        }
        return [255, 255, 255];
    };
    let worst = { ratio: 21, where: '', seen: 0 };
    for (const node of document.body.querySelectorAll('*')) {
        const text = [...node.childNodes].filter(n => n.nodeType === 3).map(n => n.data.trim()).join('');
        if (!text || !node.checkVisibility() || ['SCRIPT', 'STYLE'].includes(node.tagName)) continue;
        const [a, b] = [luminance(parts(getComputedStyle(node).color)), luminance(ground(node))];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        worst.seen++;
        if (ratio < worst.ratio) worst = { ...worst, ratio, where: `${node.tagName} ${node.className}: ${text}` };
    }
    return worst;
";

pub(crate) async fn check(browser: &Browser) -> Result<(), Failure> {
    let worst = browser.ask(MEASURE).await?;
    let ratio = worst["ratio"].as_f64().unwrap_or_default();
    let seen = worst["seen"].as_u64().unwrap_or_default();
    let place = worst["where"].as_str().unwrap_or_default();
    ensure(
        seen > 30,
        format!("only {seen} texts were there to measure"),
    )?;
    let low = format!("contrast {ratio:.2} is under {LEAST} at {place:?}");
    ensure(ratio >= LEAST && worst["where"] != Value::Null, low)
}
