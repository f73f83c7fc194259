//! What a file's statistics say of the values of a column, as far as it can be believed.

use std::sync::Arc;

use ::parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use ::parquet::basic::{ColumnOrder, Type as Physical};
use ::parquet::file::metadata::ParquetMetaData;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef, UInt64Array, new_null_array};
use arrow_schema::{DataType, Schema};
use velo_core::Result;

use super::error::unreadable;

/// Bounds of a column over several stretches of rows; null where they are not known.
pub(super) struct Bounds {
    /// No value is less.
    pub(super) least: ArrayRef,
    /// No value is greater.
    pub(super) most: ArrayRef,
    /// Whether the bounds are values of the column; else they may be cut short and rounded.
    pub(super) exact: bool,
    /// Whether every value lies between the bounds; else there can be NaNs besides.
    pub(super) whole: bool,
    nulls: UInt64Array,
    rows: Vec<u64>,
}

impl Bounds {
    /// Asks each stretch with its number of nulls and rows; the answer is yes where the number
    /// of nulls is not known.
    pub(super) fn each(&self, ask: impl Fn(u64, u64) -> bool) -> Vec<bool> {
        let pairs = self.nulls.iter().zip(&self.rows);
        pairs
            .map(|(nulls, rows)| nulls.is_none_or(|nulls| ask(nulls, *rows)))
            .collect()
    }
}

/// Bounds of a column over the pages of a row group.
pub(super) struct PageBounds {
    pub(super) bounds: Bounds,
    /// The first row of each page, counted from the row group's first.
    pub(super) starts: Vec<usize>,
}

/// Reads the bounds of a column over all row groups; `None` when nothing can be said.
pub(super) fn row_group_bounds(
    schema: &Schema,
    file: &ParquetMetaData,
    column: &str,
) -> Result<Option<Bounds>> {
    let Some(column) = Column::find(schema, file, column)? else {
        return Ok(None);
    };
    let groups = || file.row_groups().iter();
    // Statistics of before 2017 compared bytes and unsigned numbers as signed ones.
    let doubtful = groups().any(|group| {
        let statistics = group.column(column.leaf).statistics();
        statistics.is_some_and(|statistics| statistics.is_min_max_deprecated())
    });
    let converter = &column.converter;
    let known = column.ordered && (column.signed || !doubtful);
    let (least, most) = if known {
        let least = converter.row_group_mins(groups()).map_err(unreadable)?;
        (
            least,
            converter.row_group_maxes(groups()).map_err(unreadable)?,
        )
    } else {
        let unknown = new_null_array(&DataType::Null, file.num_row_groups());
        (unknown.clone(), unknown)
    };
    let nulls = converter.row_group_null_counts(groups());
    let rows = groups().map(|group| group.num_rows().unsigned_abs());
    let rows = rows.collect();
    Ok(Some(column.bounds(
        least,
        most,
        nulls.map_err(unreadable)?,
        rows,
    )))
}

/// Reads the bounds of a column over the pages of a row group; `None` when nothing can be said.
pub(super) fn page_bounds(
    schema: &Schema,
    file: &ParquetMetaData,
    column: &str,
    group: usize,
) -> Result<Option<PageBounds>> {
    let (Some(index), Some(offsets)) = (file.column_index(), file.offset_index()) else {
        return Ok(None);
    };
    let Some(column) = Column::find(schema, file, column)?.filter(|column| column.ordered) else {
        return Ok(None);
    };
    let Some(pages) = offsets.get(group).and_then(|group| group.get(column.leaf)) else {
        return Ok(None);
    };
    let pages = pages.page_locations();
    let total = file.row_group(group).num_rows();
    let firsts = pages.iter().map(|page| page.first_row_index);
    let ends = firsts.clone().skip(1).chain([total]);
    let ascending = firsts.clone().zip(ends.clone()).all(|(a, b)| a <= b);
    if !ascending || firsts.clone().next() != Some(0) {
        return Ok(None);
    }
    let one = [group];
    let converter = &column.converter;
    let least = converter.data_page_mins(index, offsets, &one);
    let most = converter.data_page_maxes(index, offsets, &one);
    let nulls = converter.data_page_null_counts(index, offsets, &one);
    let rows = firsts.clone().zip(ends).map(|(a, b)| a.abs_diff(b));
    let rows: Vec<u64> = rows.collect();
    let (least, most) = (least.map_err(unreadable)?, most.map_err(unreadable)?);
    let nulls = nulls.map_err(unreadable)?;
    if [least.len(), most.len(), nulls.len()] != [rows.len(); 3] {
        return Ok(None);
    }
    Ok(Some(PageBounds {
        bounds: column.bounds(least, most, nulls, rows),
        starts: firsts.map(|first| first.unsigned_abs() as usize).collect(),
    }))
}

/// A column whose statistics mean something.
struct Column<'f> {
    converter: StatisticsConverter<'f>,
    kind: &'f DataType,
    physical: Physical,
    /// Its place among the leaves of the Parquet schema.
    leaf: usize,
    /// Whether the file's order of values is Arrow's.
    ordered: bool,
    /// Whether values compare like signed numbers, about which no writer was ever mistaken.
    signed: bool,
}

impl<'f> Column<'f> {
    fn find(schema: &'f Schema, file: &'f ParquetMetaData, name: &str) -> Result<Option<Self>> {
        let parquet = file.file_metadata().schema_descr();
        // Groups without leaves are no columns in Arrow: places would not match.
        if parquet.root_schema().get_fields().len() != schema.fields().len() {
            return Ok(None);
        }
        let converter = StatisticsConverter::try_new(name, schema, parquet).map_err(unreadable)?;
        let (Some(leaf), field) = (converter.parquet_column_index(), converter.arrow_field())
        else {
            return Ok(None);
        };
        let described = parquet.column(leaf);
        if described.max_rep_level() > 0 || described.max_def_level() > 1 {
            return Ok(None);
        }
        let kind = field.data_type();
        let physical = described.physical_type();
        let signed = is_signed(kind, physical);
        let order = file.file_metadata().column_order(leaf);
        let defined = matches!(order, ColumnOrder::TYPE_DEFINED_ORDER(_));
        let legacy = signed && order == ColumnOrder::UNDEFINED;
        let ordered = legacy || defined && (signed || is_unsigned(kind, physical));
        Ok(Some(Self {
            converter: converter.with_missing_null_counts_as_zero(false),
            kind,
            physical,
            leaf,
            ordered,
            signed,
        }))
    }

    fn bounds(
        &self,
        least: ArrayRef,
        most: ArrayRef,
        nulls: UInt64Array,
        rows: Vec<u64>,
    ) -> Bounds {
        Bounds {
            least: lower_zero(least),
            most: upper_zero(most),
            exact: matches!(
                self.physical,
                Physical::BOOLEAN | Physical::INT32 | Physical::INT64
            ),
            whole: !self.kind.is_floating(),
            nulls,
            rows,
        }
    }
}

fn is_signed(kind: &DataType, physical: Physical) -> bool {
    match physical {
        Physical::INT32 | Physical::INT64 => {
            kind.is_signed_integer()
                || matches!(
                    kind,
                    DataType::Date32
                        | DataType::Time32(_)
                        | DataType::Time64(_)
                        | DataType::Timestamp(..)
                        | DataType::Decimal32(..)
                        | DataType::Decimal64(..)
                        | DataType::Decimal128(..)
                        | DataType::Decimal256(..)
                )
        }
        Physical::FLOAT => *kind == DataType::Float32,
        Physical::DOUBLE => *kind == DataType::Float64,
        Physical::BOOLEAN => *kind == DataType::Boolean,
        _ => false,
    }
}

fn is_unsigned(kind: &DataType, physical: Physical) -> bool {
    match physical {
        Physical::INT32 | Physical::INT64 => kind.is_unsigned_integer(),
        Physical::FIXED_LEN_BYTE_ARRAY => {
            matches!(kind, DataType::Decimal128(..) | DataType::Decimal256(..))
        }
        Physical::BYTE_ARRAY => matches!(
            kind,
            DataType::Utf8
                | DataType::LargeUtf8
                | DataType::Utf8View
                | DataType::Binary
                | DataType::LargeBinary
                | DataType::BinaryView
        ),
        _ => false,
    }
}

/// A least value of zero may stand for minus zero, which Arrow takes for less; a NaN, which some
/// writers let in, bounds nothing.
fn lower_zero(bounds: ArrayRef) -> ArrayRef {
    zeroed(bounds, -0.0)
}

/// As [`lower_zero`] for the greatest value.
fn upper_zero(bounds: ArrayRef) -> ArrayRef {
    zeroed(bounds, 0.0)
}

fn zeroed(bounds: ArrayRef, zero: f32) -> ArrayRef {
    match bounds.data_type() {
        DataType::Float32 => Arc::new(
            bounds
                .as_primitive::<Float32Type>()
                .unary_opt::<_, Float32Type>(|bound| match bound {
                    0.0 => Some(zero),
                    bound => (!bound.is_nan()).then_some(bound),
                }),
        ),
        DataType::Float64 => Arc::new(
            bounds
                .as_primitive::<Float64Type>()
                .unary_opt::<_, Float64Type>(|bound| match bound {
                    0.0 => Some(zero.into()),
                    bound => (!bound.is_nan()).then_some(bound),
                }),
        ),
        _ => bounds,
    }
}
