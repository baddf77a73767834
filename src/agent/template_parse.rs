//! Reads the text of a template.

use super::PlainName;
use super::template::{Part, Placeholder, Run};
use super::template_error::TemplateError;

pub(super) fn parse(text: &str) -> Result<Box<[Run]>, TemplateError> {
    let mut reader = Reader {
        rest: text,
        at: 1,
        written: String::new(),
        parts: Vec::new(),
        runs: Vec::new(),
        opened_at: None,
    };
    while let Some(sign) = reader.next() {
        reader.read(sign)?;
    }
    reader.end()
}

struct Reader<'a> {
    rest: &'a str,
    /// Which character of the text is the first of the rest.
    at: usize,
    written: String,
    parts: Vec<Part>,
    runs: Vec<Run>,
    /// Where the bracket is that the reader is in.
    opened_at: Option<usize>,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let sign = self.rest.chars().next()?;
        self.rest = &self.rest[sign.len_utf8()..];
        self.at += 1;
        Some(sign)
    }

    fn read(&mut self, sign: char) -> Result<(), TemplateError> {
        let at = self.at - 1;
        let is_special = matches!(sign, '{' | '}' | '[' | ']');
        if !is_special || self.rest.starts_with(sign) {
            if is_special {
                self.next();
            }
            self.written.push(sign);
            return Ok(());
        }
        match (sign, self.opened_at) {
            ('{', _) => self.placeholder(at),
            ('[', None) => {
                self.end_of_run(false);
                self.opened_at = Some(at);
                Ok(())
            }
            ('[', Some(_)) => Err(TemplateError::Nested { at }),
            (']', Some(opened_at)) => self.close(opened_at),
            _ => Err(TemplateError::Unbalanced { sign, at }),
        }
    }

    fn placeholder(&mut self, at: usize) -> Result<(), TemplateError> {
        let Some((name, _)) = self.rest.split_once('}') else {
            return Err(TemplateError::Unbalanced { sign: '{', at });
        };
        let known = Placeholder::ALL.into_iter().find(|it| it.name() == name);
        let placeholder = known.ok_or_else(|| TemplateError::UnknownPlaceholder {
            name: PlainName(name).to_string(),
            at,
        })?;
        if placeholder.may_be_absent() && self.opened_at.is_none() {
            let name = placeholder.name();
            return Err(TemplateError::MayBeAbsent { name, at });
        }
        self.at += name.chars().count() + 1;
        self.rest = &self.rest[name.len() + 1..];
        self.end_of_text();
        self.parts.push(Part::Put(placeholder));
        Ok(())
    }

    fn close(&mut self, opened_at: usize) -> Result<(), TemplateError> {
        let puts_something = |part: &Part| matches!(part, Part::Put(_));
        if !self.parts.iter().any(puts_something) {
            return Err(TemplateError::NoPlaceholder { at: opened_at });
        }
        self.end_of_run(true);
        self.opened_at = None;
        Ok(())
    }

    fn end_of_text(&mut self) {
        if !self.written.is_empty() {
            let text = std::mem::take(&mut self.written);
            self.parts.push(Part::Text(text.into()));
        }
    }

    fn end_of_run(&mut self, is_optional: bool) {
        self.end_of_text();
        if !self.parts.is_empty() {
            let parts = std::mem::take(&mut self.parts).into();
            self.runs.push(Run { parts, is_optional });
        }
    }

    fn end(mut self) -> Result<Box<[Run]>, TemplateError> {
        if let Some(at) = self.opened_at {
            return Err(TemplateError::Unbalanced { sign: '[', at });
        }
        self.end_of_run(false);
        Ok(self.runs.into())
    }
}
