//! Things that clients name by a number.

use std::sync::{Mutex, PoisonError};

use crate::{Error, Result};

/// Things by number, in the order of their coming; of more than there is place for, the oldest that may go do.
#[derive(Debug)]
pub(crate) struct Numbered<T> {
    /// What one is called.
    what: &'static str,
    most: usize,
    may_go: fn(&T) -> bool,
    all: Mutex<All<T>>,
}

#[derive(Debug)]
struct All<T> {
    next: u64,
    things: Vec<(u64, T)>,
}

impl<T: Clone> Numbered<T> {
    pub(crate) fn new(what: &'static str, most: usize, may_go: fn(&T) -> bool) -> Self {
        Self { what, most, may_go, all: Mutex::new(All { next: 0, things: Vec::new() }) }
    }

    /// The number of a thing that is kept from now on.
    pub(crate) fn add(&self, thing: T) -> u64 {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let number = all.next;
        all.next += 1;
        if all.things.len() >= self.most
            && let Some(oldest) = all.things.iter().position(|(_, thing)| (self.may_go)(thing))
        {
            all.things.remove(oldest);
        }
        all.things.push((number, thing));
        number
    }

    /// The thing of a number.
    ///
    /// # Errors
    /// If there is none, or it is gone.
    pub(crate) fn get(&self, id: u64) -> Result<T> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let found = all.things.iter().find(|(number, _)| *number == id);
        found.map(|(_, thing)| thing.clone()).ok_or(Error::NoSuch { what: self.what, id })
    }

    /// For how many things `is_it` holds.
    pub(crate) fn count(&self, is_it: impl Fn(&T) -> bool) -> usize {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.things.iter().filter(|(_, thing)| is_it(thing)).count()
    }

    /// The number of the first thing for which `is_it` holds.
    pub(crate) fn find(&self, is_it: impl Fn(&T) -> bool) -> Option<u64> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.things.iter().find(|(_, thing)| is_it(thing)).map(|(number, _)| *number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_and_numbers_stay() {
        let letters = Numbered::new("letter", 2, |_| true);
        assert_eq!(["a", "b", "c"].map(|letter| letters.add(letter)), [0, 1, 2]);
        assert_eq!((letters.get(1).unwrap(), letters.find(|letter| *letter == "c")), ("b", Some(2)));
        assert_eq!(letters.get(0).unwrap_err().to_string(), "there is no letter 0");
        assert_eq!(letters.count(|letter| *letter > "b"), 1);
        let kept = Numbered::new("letter", 2, |letter| *letter != "a");
        assert_eq!(["a", "b", "c"].map(|letter| kept.add(letter)), [0, 1, 2]);
        assert_eq!((kept.get(0).unwrap(), kept.get(2).unwrap(), kept.get(1).is_err()), ("a", "c", true));
    }
}
