//! `profiles:`, of which one is laid over the rest of the file.

use velo_core::{Error, ErrorKind, Result};

use super::node::{Entry, Node, Value};
use super::value::near;

/// Keys that belong to a file and to none of its profiles.
const OF_FILES: [&str; 2] = ["extends", "profiles"];

/// Lays a profile over the rest and takes `profiles` away.
///
/// # Errors
/// `Config` for an unknown name, with the nearest one; for a profile that is no map.
pub(super) fn choose(root: &mut Node, wanted: Option<&str>) -> Result<()> {
    let Some(Entry { place, node }) = root.take("profiles") else {
        return match wanted {
            None => Ok(()),
            Some(name) => Err(root.place.put(
                Error::new(ErrorKind::Config, "there are no profiles")
                    .with("profile", name)
                    .with_hint(format!("add profiles: {{ {name}: {{ … }} }}")),
            )),
        };
    };
    let Value::Map(mut profiles) = node.value else {
        let error = Error::new(ErrorKind::Config, "expected a map of names and profiles");
        return Err(node.place.put(error.with("key", "profiles")));
    };
    for (name, entry) in &profiles {
        let refused = |what| {
            Err(entry
                .place
                .put(Error::new(ErrorKind::Config, what).with("profile", name)))
        };
        match entry.node.as_map() {
            Some(map) => {
                if let Some((key, inner)) =
                    OF_FILES.iter().find_map(|key| Some((key, map.get(*key)?)))
                {
                    let error =
                        Error::new(ErrorKind::Config, "key belongs to a file, not a profile");
                    return Err(inner.place.put(error.with("key", key)));
                }
            }
            None if entry.node.is_null() => {}
            None => return refused("expected a map of keys"),
        }
    }
    let Some(name) = wanted else {
        return Ok(());
    };
    let Some(entry) = profiles.remove(name) else {
        let error = Error::new(ErrorKind::Config, "no such profile").with("profile", name);
        return Err(place.put(near(error, name, profiles.keys().map(String::as_str))));
    };
    if !entry.node.is_null() {
        let place = root.place.clone();
        root.merge(entry.node);
        root.place = place;
    }
    Ok(())
}
