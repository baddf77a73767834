//! A file with its threads in it, and which lines of it are whose.

use std::ops::RangeInclusive;

use crate::threads::Thread;

#[derive(Debug, Default)]
pub struct Cloth {
    pub text: String,
    /// The lines that are a mutant's own, and those of the whole in which it is a choice.
    pub own: Vec<(usize, RangeInclusive<usize>)>,
    pub whole: Vec<(usize, RangeInclusive<usize>)>,
}

impl Cloth {
    pub fn woven(text: &str, threads: &[Thread]) -> Self {
        let mut cloth = Self::default();
        // At one byte, what ends there is before what begins; of those that begin the outer is first, of those that end the
        // inner. Of two around the same, the one that was put first is the outer.
        let mut stitches: Vec<(usize, bool, isize, isize)> = Vec::new();
        for (number, thread) in threads.iter().enumerate() {
            let (number, length) = (number as isize, thread.around.len() as isize);
            stitches.push((thread.around.start, true, -length, number));
            if !thread.after.is_empty() {
                stitches.push((thread.around.end, false, length, -number));
            }
        }
        stitches.sort();
        let mut line = 1;
        let mut begun = vec![0; threads.len()];
        let mut done = 0;
        for (at, begins, _, number) in stitches {
            cloth.push(&text[done..at], &mut line);
            done = at;
            let number = number.unsigned_abs();
            let thread = &threads[number];
            if begins {
                begun[number] = line;
                for (part, mutant) in &thread.before {
                    let from = line;
                    cloth.push(part, &mut line);
                    if let Some(mutant) = mutant {
                        let to = line - usize::from(part.ends_with('\n'));
                        cloth.own.push((*mutant, from..=to));
                    }
                }
            } else {
                cloth.push(&thread.after, &mut line);
            }
            let all = thread.before.iter().filter_map(|(_, mutant)| *mutant);
            let is_over = !begins || thread.after.is_empty();
            if is_over {
                cloth
                    .whole
                    .extend(all.map(|mutant| (mutant, begun[number]..=line)));
            }
        }
        cloth.push(&text[done..], &mut line);
        cloth
    }

    fn push(&mut self, part: &str, line: &mut usize) {
        self.text.push_str(part);
        *line += part.matches('\n').count();
    }
}
