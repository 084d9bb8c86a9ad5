//! The table of keys in force: the defaults, and what the configuration binds anew.

use crossterm::event::KeyEvent;

use super::chord::{is_typed, parse, same};
use super::{Action, Context, DEFAULTS, TOGETHER};

/// A key in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Where it works.
    pub context: Context,
    /// As it is written.
    pub shown: String,
    /// What it does.
    pub action: Action,
    /// Its place in the footer, from 1; 0 leaves it out.
    pub footer: u8,
    key: KeyEvent,
}

/// What is wrong with a choice of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFault {
    /// Which choice, counted from 0.
    pub choice: usize,
    /// What is wrong, in plain words.
    pub reason: String,
}

/// The keys in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    bindings: Vec<Bound>,
}

impl Default for Keys {
    fn default() -> Keys {
        let bound = |binding: &super::Binding| {
            let (context, action, footer) = (binding.context, binding.action, binding.footer);
            parse(binding.key).map(|key| Bound {
                context,
                shown: binding.key.to_owned(),
                action,
                footer,
                key,
            })
        };
        Keys { bindings: DEFAULTS.iter().filter_map(bound).collect() }
    }
}

impl Keys {
    /// Returns the defaults with these choices over them: an action's name, and the keys that do it from now
    /// on wherever it can be done. No key takes the action away from its keys. The error is every mistake.
    pub fn with<'a>(
        choices: impl IntoIterator<Item = (&'a str, &'a [String])>,
    ) -> Result<Keys, Vec<KeyFault>> {
        let mut keys = Keys::default();
        let mut faults = Vec::new();
        let mut chosen: Vec<(usize, Action)> = Vec::new();
        for (choice, (name, written)) in choices.into_iter().enumerate() {
            match keys.choose(name, written) {
                Ok(action) => chosen.push((choice, action)),
                Err(reason) => faults.push(KeyFault { choice, reason }),
            }
        }
        for (choice, action) in chosen {
            faults.extend(keys.clash(action).map(|reason| KeyFault { choice, reason }));
        }
        if faults.is_empty() { Ok(keys) } else { Err(faults) }
    }

    /// Binds one action anew.
    fn choose(&mut self, name: &str, written: &[String]) -> Result<Action, String> {
        let action = Action::named(name).ok_or_else(|| "there is no such action".to_owned())?;
        if written.is_empty() && matches!(action, Action::QuitNow | Action::Back) {
            return Err("needs a key: without one there is no way out".to_owned());
        }
        let mut places: Vec<(Context, u8)> = Vec::new();
        for old in self.bindings.iter().filter(|bound| bound.action == action) {
            match places.iter_mut().find(|place| place.0 == old.context) {
                Some(place) => place.1 = place.1.max(old.footer),
                None => places.push((old.context, old.footer)),
            }
        }
        let mut new = Vec::new();
        for text in written {
            let key = parse(text).ok_or_else(|| {
                format!("`{text}` is no key: expected one like j, ctrl-d, alt-x, enter, space, F2")
            })?;
            for (context, footer) in &places {
                if context.is_typed() && is_typed(key) {
                    return Err(format!("`{text}` is typed as text {}: hold ctrl or alt", context.says()));
                }
                let first = !new.iter().any(|bound: &Bound| bound.context == *context);
                let footer = if first { *footer } else { 0 };
                new.push(Bound { context: *context, shown: text.clone(), action, footer, key });
            }
        }
        self.bindings.retain(|bound| bound.action != action);
        self.bindings.extend(new);
        Ok(action)
    }

    /// Says with what the keys of an action clash.
    fn clash(&self, action: Action) -> Option<String> {
        let mine = self.bindings.iter().filter(|bound| bound.action == action);
        mine.into_iter().find_map(|mine| {
            let other = self.bindings.iter().find(|other| {
                let together =
                    |set: &&&[Context]| set.contains(&mine.context) && set.contains(&other.context);
                other.action != action
                    && same(other.key, mine.key)
                    && TOGETHER.iter().any(|set| together(&set))
            })?;
            let (name, says) = (other.action.name(), mine.context.says());
            Some(format!("`{}` is the key of `{name}` too, {says}: give that another one", mine.shown))
        })
    }

    /// Finds what a key does where these contexts hold.
    pub fn action(&self, key: KeyEvent, contexts: &[Context]) -> Option<Action> {
        let here = |bound: &&Bound| contexts.contains(&bound.context) && same(bound.key, key);
        self.bindings.iter().find(here).map(|bound| bound.action)
    }

    /// Returns the footer's keys where these contexts hold, the most important first.
    pub fn footer(&self, contexts: &[Context]) -> Vec<&Bound> {
        let here = |bound: &&Bound| bound.footer > 0 && contexts.contains(&bound.context);
        let mut bindings: Vec<&Bound> = self.bindings.iter().filter(here).collect();
        bindings.sort_by_key(|bound| bound.footer);
        bindings
    }

    /// Returns each action that works in a context with all its keys.
    pub fn help(&self, context: Context) -> Vec<(Action, Vec<&str>)> {
        let mut lines: Vec<(Action, Vec<&str>)> = Vec::new();
        for bound in self.bindings.iter().filter(|bound| bound.context == context) {
            match lines.iter_mut().find(|line| line.0 == bound.action) {
                Some(line) => line.1.push(&bound.shown),
                None => lines.push((bound.action, vec![&bound.shown])),
            }
        }
        lines
    }

    /// Returns the first key of an action where these contexts hold.
    pub fn chord_of(&self, action: Action, contexts: &[Context]) -> Option<KeyEvent> {
        let here = |bound: &&Bound| bound.action == action && contexts.contains(&bound.context);
        self.bindings.iter().find(here).map(|bound| bound.key)
    }

    /// Returns the first key of an action, as it is written; nothing where it has none.
    pub fn key_of(&self, action: Action) -> Option<&str> {
        self.bindings.iter().find(|bound| bound.action == action).map(|bound| bound.shown.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(choices: &[(&str, &[&str])]) -> Result<Keys, Vec<KeyFault>> {
        let owned: Vec<(&str, Vec<String>)> = choices
            .iter()
            .map(|(name, keys)| (*name, keys.iter().map(|key| (*key).to_owned()).collect()))
            .collect();
        Keys::with(owned.iter().map(|(name, keys)| (*name, keys.as_slice())))
    }

    fn does(keys: &Keys, key: &str, contexts: &[Context]) -> Option<Action> {
        keys.action(parse(key).expect("a key"), contexts)
    }

    #[track_caller]
    fn check(choices: &[(&str, &[&str])], choice: usize, words: &str) {
        let faults = with(choices).expect_err("a fault");
        assert_eq!((faults.len(), faults[0].choice), (1, choice), "{faults:?}");
        assert!(faults[0].reason.contains(words), "{faults:?}");
    }

    #[test]
    fn the_defaults_can_all_be_read_and_mean_one_thing() {
        let keys = Keys::default();
        assert_eq!(keys.bindings.len(), DEFAULTS.len());
        for bound in &keys.bindings {
            assert_eq!(keys.clash(bound.action), None);
            assert!(!(bound.context.is_typed() && is_typed(bound.key)), "{bound:?} would be typed");
        }
    }

    #[test]
    fn an_action_gets_other_keys_wherever_it_works() {
        let keys = with(&[("sort", &["F5", "ctrl-o"]), ("back", &["F9"]), ("pause", &[])]).expect("keys");
        assert_eq!(does(&keys, "F5", &[Context::List]), Some(Action::Sort));
        assert_eq!(does(&keys, "ctrl-o", &[Context::List]), Some(Action::Sort));
        assert_eq!(does(&keys, "s", &[Context::List]), None);
        assert_eq!(does(&keys, "F9", &[Context::Form]), Some(Action::Back));
        assert_eq!(does(&keys, "F9", &[Context::List]), Some(Action::Back));
        assert_eq!(does(&keys, "space", &[Context::Page]), None);
        let sort = keys.footer(&[Context::List]).into_iter().find(|bound| bound.action == Action::Sort);
        assert_eq!(sort.map(|bound| bound.shown.as_str()), Some("F5"));
    }

    #[test]
    fn two_actions_may_change_their_keys_with_each_other() {
        let keys = with(&[("sort", &["w"]), ("window", &["s"])]).expect("keys");
        assert_eq!(does(&keys, "w", &[Context::List, Context::Spend]), Some(Action::Sort));
    }

    #[test]
    fn mistakes_are_told_in_plain_words() {
        check(&[("quit", &["Q"]), ("sorted", &["x"])], 1, "no such action");
        check(&[("sort", &["ctrl"])], 0, "`ctrl` is no key");
        check(&[("sort", &["w"])], 0, "`window`");
        check(&[("keep", &["x"])], 0, "is typed as text");
        check(&[("quit-now", &[])], 0, "no way out");
        check(&[("refresh", &["j"])], 0, "`down`");
    }

    #[test]
    fn places_that_never_meet_may_share_a_key() {
        assert!(with(&[("yes", &["w"])]).is_ok());
    }
}
