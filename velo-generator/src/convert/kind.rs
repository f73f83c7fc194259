//! The kinds of rows and their columns.

use std::str::FromStr;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use velo_core::{Error, ErrorKind, Result, StreamInfo, nearest};

use super::columns as make;
use super::{Numbers, Recipe};

/// The column with the row's number, which is every kind's key.
const NUMBER: &str = "seq";

/// The last column of every kind, made from all others by [`checksums`](crate::checksums).
///
/// ```
/// assert_eq!(velo_generator::CHECKSUM, "checksum");
/// ```
pub const CHECKSUM: &str = "checksum";

/// What is made up.
///
/// ```
/// use velo_generator::Kind;
/// assert_eq!("order".parse::<Kind>()?, Kind::Order);
/// # Ok::<(), velo_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// People with an address.
    User,
    /// What people do on a site.
    Event,
    /// What they buy.
    Order,
    /// Readings of sensors.
    Sensor,
}

/// One column: its name, type, whether it has nulls, and how it is made.
pub(super) struct Column {
    name: &'static str,
    data_type: DataType,
    nullable: bool,
    pub(super) make: fn(&Recipe, &Numbers) -> ArrayRef,
}

fn column(
    name: &'static str,
    data_type: DataType,
    make: fn(&Recipe, &Numbers) -> ArrayRef,
) -> Column {
    Column {
        name,
        data_type,
        nullable: false,
        make,
    }
}

fn nullable(column: Column) -> Column {
    Column {
        nullable: true,
        ..column
    }
}

impl Kind {
    /// All of them.
    ///
    /// ```
    /// assert_eq!(velo_generator::Kind::ALL.len(), 4);
    /// ```
    pub const ALL: [Self; 4] = [Self::User, Self::Event, Self::Order, Self::Sensor];

    /// Gives the name that a URI has, which is the stream's as well.
    ///
    /// ```
    /// assert_eq!(velo_generator::Kind::User.name(), "user");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Event => "event",
            Self::Order => "order",
            Self::Sensor => "sensor",
        }
    }

    /// Gives the columns: the row's number first, the checksum last.
    ///
    /// ```
    /// let schema = velo_generator::Kind::Order.schema();
    /// assert_eq!(schema.field(0).name(), "seq");
    /// ```
    #[must_use]
    pub fn schema(self) -> Schema {
        let field =
            |column: &Column| Field::new(column.name, column.data_type.clone(), column.nullable);
        let mut fields: Vec<Field> = self.columns().iter().map(field).collect();
        fields.push(Field::new(CHECKSUM, DataType::Int64, false));
        Schema::new(fields)
    }

    /// Describes the stream: these columns, and others behind them.
    pub(crate) fn stream(self, more: Option<Field>) -> Result<StreamInfo> {
        let schema = self.schema();
        let fields = schema.fields().iter().cloned().chain(more.map(Arc::new));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        StreamInfo::new(self.name(), schema).with_keys([NUMBER])
    }

    /// Lists the columns before the checksum.
    pub(super) fn columns(self) -> Vec<Column> {
        use DataType::{Boolean, Decimal128, Float64, Int32, Int64, Utf8};
        let time = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let mut columns = vec![column(NUMBER, Int64, make::number)];
        columns.extend(match self {
            Self::User => vec![
                column("id", Int64, make::user_number),
                column("name", Utf8, make::name),
                column("age", Int32, make::age),
                nullable(column("email", Utf8, make::email)),
                column("active", Boolean, make::active),
                column("created_at", time(), make::time),
            ],
            Self::Event => vec![
                column("event_type", Utf8, make::event_type),
                column("user_id", Int64, make::user_id),
                column("timestamp", time(), make::time),
                nullable(column("page", Utf8, make::page)),
            ],
            Self::Order => vec![
                column("order_id", Int64, make::order_id),
                column("user_id", Int64, make::user_id),
                column("product", Utf8, make::product),
                column("quantity", Int32, make::quantity),
                column("amount", Decimal128(12, 2), make::amount),
                nullable(column("coupon", Utf8, make::coupon)),
                column("paid", Boolean, make::paid),
                column("ordered_at", time(), make::time),
            ],
            Self::Sensor => vec![
                column("sensor_id", Int64, make::sensor_id),
                column("temperature", Float64, make::temperature),
                nullable(column("humidity", Float64, make::humidity)),
                column("healthy", Boolean, make::healthy),
                column("timestamp", time(), make::time),
            ],
        });
        columns
    }
}

impl FromStr for Kind {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name);
            let error =
                Error::new(ErrorKind::InvalidInput, "unknown kind of test rows").with("kind", name);
            match nearest(name, names) {
                Some(name) => error.with_hint(format!("did you mean `{name}`?")),
                None => error.with_hint(format!("known are {}", names.join(", "))),
            }
        })
    }
}
