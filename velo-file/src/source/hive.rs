//! Directories named `key=value`, read back as columns.

use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray, new_null_array};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field};
use velo_core::uri::percent_decode;
use velo_core::{Error, ErrorKind, Result};

use super::file::Found;
use crate::config::HivePartitioning;

/// How Hive spells null.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The value of each partition column for one file.
pub(super) type Values = Vec<Option<String>>;

/// Reads the partitions off the paths: the columns, and each file's values.
///
/// # Errors
/// `InvalidData` when files lie under different keys.
pub(super) fn partitions(
    files: &[Found],
    root: Option<&str>,
    mode: HivePartitioning,
) -> Result<(Vec<Field>, Vec<Values>)> {
    let root = match (mode, root) {
        (HivePartitioning::Off, _) | (HivePartitioning::Auto, None) => {
            return Ok((Vec::new(), vec![Vec::new(); files.len()]));
        }
        (HivePartitioning::On, _) => "",
        (HivePartitioning::Auto, Some(root)) => root,
    };
    let mut keys: Option<Vec<String>> = None;
    let mut values = Vec::with_capacity(files.len());
    for file in files {
        let (own, of_file): (Vec<String>, Values) = pairs(&file.path, root).into_iter().unzip();
        let keys = keys.get_or_insert_with(|| own.clone());
        if *keys != own {
            let message = "files lie under different partition columns";
            return Err(Error::new(ErrorKind::InvalidData, message)
                .with("file", &file.path)
                .with("its partitions", own.join(","))
                .with("expected", keys.join(","))
                .with_hint("hive_partitioning=false takes directories as mere names"));
        }
        values.push(of_file);
    }
    let keys = keys.unwrap_or_default().into_iter().enumerate();
    let fields = keys.map(|(at, key)| {
        let kind = data_type(values.iter().filter_map(|of_file| of_file[at].as_deref()));
        Field::new(key, kind, true)
    });
    Ok((fields.collect(), values))
}

/// Makes a column of one row that holds a file's value.
pub(super) fn scalar(field: &Field, value: Option<&str>) -> Result<ArrayRef> {
    let Some(value) = value else {
        return Ok(new_null_array(field.data_type(), 1));
    };
    let text: ArrayRef = Arc::new(StringArray::from(vec![value]));
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    Ok(cast_with_options(&text, field.data_type(), &options)?)
}

fn pairs(path: &str, root: &str) -> Vec<(String, Option<String>)> {
    let below = path.strip_prefix(root).unwrap_or(path);
    let directories = below
        .rsplit_once('/')
        .map_or("", |(directories, _)| directories);
    let mut pairs: Vec<(String, Option<String>)> = Vec::new();
    for name in directories.split('/') {
        let Some((key, value)) = name.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            continue;
        };
        let (key, value) = (plain(key), (value != NULL).then(|| plain(value)));
        match pairs.iter_mut().find(|(known, _)| *known == key) {
            // The inner directory is nearer to the data.
            Some(pair) => pair.1 = value,
            None => pairs.push((key, value)),
        }
    }
    pairs
}

/// Hive writes special characters as percent-escapes.
fn plain(name: &str) -> String {
    percent_decode(name).map_or_else(|_| name.to_owned(), |name| name.into_owned())
}

/// Types a column by all its values: typed only where each is spelled as the type would spell it.
fn data_type<'v>(values: impl Iterator<Item = &'v str> + Clone) -> DataType {
    let every =
        |holds: fn(&str) -> bool| values.clone().next().is_some() && values.clone().all(holds);
    if every(|value| {
        value
            .parse()
            .is_ok_and(|number: i64| number.to_string() == value)
    }) {
        DataType::Int64
    } else if every(is_date) {
        DataType::Date32
    } else {
        DataType::Utf8
    }
}

fn is_date(value: &str) -> bool {
    let shaped = value.len() == 10
        && value.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    shaped && scalar(&Field::new("", DataType::Date32, true), Some(value)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(paths: &[&str]) -> Vec<Found> {
        let file = |path: &&str| Found {
            path: (*path).to_owned(),
            size: 0,
            modified: 0,
        };
        paths.iter().map(file).collect()
    }

    fn types(paths: &[&str]) -> Vec<(String, DataType)> {
        let (fields, _) = partitions(&found(paths), Some("r"), HivePartitioning::Auto).unwrap();
        fields
            .iter()
            .map(|field| (field.name().clone(), field.data_type().clone()))
            .collect()
    }

    #[test]
    fn types_follow_the_spelling() {
        for (values, expected) in [
            (["1", "-20"], DataType::Int64),
            (["1", "02"], DataType::Utf8),
            (["2024-01-31", "2024-02-29"], DataType::Date32),
            (["2024-01-31", "2024-02-30"], DataType::Utf8),
            (["1", NULL], DataType::Int64),
            ([NULL, NULL], DataType::Utf8),
            (["1", "+2"], DataType::Utf8),
        ] {
            let paths = values.map(|value| format!("r/k={value}/f.csv"));
            let found = types(&[&paths[0], &paths[1]]);
            assert_eq!(found, [("k".to_owned(), expected)], "{values:?}");
        }
    }

    #[test]
    fn reads_values_below_the_root() {
        let files = found(&["x=9/r/a=1/b=x%2Fy/f=1.csv"]);
        let (fields, values) = partitions(&files, Some("x=9/r"), HivePartitioning::Auto).unwrap();
        assert_eq!(fields.len(), 2);
        assert_eq!(values, [[Some("1".to_owned()), Some("x/y".to_owned())]]);
        let (fields, _) = partitions(&files, None, HivePartitioning::On).unwrap();
        assert_eq!(fields.len(), 3);
        assert!(
            partitions(&files, None, HivePartitioning::Auto)
                .unwrap()
                .0
                .is_empty()
        );
        let mixed = found(&["r/a=1/f", "r/b=1/f"]);
        assert!(partitions(&mixed, Some("r"), HivePartitioning::Auto).is_err());
    }
}
