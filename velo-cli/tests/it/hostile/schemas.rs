//! Schemas of Arrow that nest without end, made by hand.

use arrow_ipc::{
    Field, FieldArgs, Footer, FooterArgs, List, ListArgs, Message, MessageArgs, MessageHeader,
    MetadataVersion, Null, NullArgs, Schema, SchemaArgs, Struct_, Struct_Args, Type,
};
use flatbuffers::{FlatBufferBuilder, WIPOffset};

use super::Hostile;

type Builder = FlatBufferBuilder<'static>;

/// Makes a schema of one column with so many levels. Where it doubles, each level has two children,
/// which are one and the same in the file.
fn schema(builder: &mut Builder, levels: usize, doubles: bool) -> WIPOffset<Schema<'static>> {
    let name = builder.create_string("a");
    let null = Null::create(builder, &NullArgs {}).as_union_value();
    let mut field = Field::create(
        builder,
        &FieldArgs {
            name: Some(name),
            nullable: true,
            type_type: Type::Null,
            type_: Some(null),
            ..FieldArgs::default()
        },
    );
    for _ in 0..levels {
        let (type_type, kind, children) = if doubles {
            let kind = Struct_::create(builder, &Struct_Args {}).as_union_value();
            (Type::Struct_, kind, builder.create_vector(&[field, field]))
        } else {
            let kind = List::create(builder, &ListArgs {}).as_union_value();
            (Type::List, kind, builder.create_vector(&[field]))
        };
        field = Field::create(
            builder,
            &FieldArgs {
                name: Some(name),
                nullable: true,
                type_type,
                type_: Some(kind),
                children: Some(children),
                ..FieldArgs::default()
            },
        );
    }
    let fields = builder.create_vector(&[field]);
    Schema::create(
        builder,
        &SchemaArgs {
            fields: Some(fields),
            ..SchemaArgs::default()
        },
    )
}

fn stream(levels: usize, doubles: bool) -> Vec<u8> {
    let mut builder = Builder::new();
    let header = schema(&mut builder, levels, doubles).as_union_value();
    let message = Message::create(
        &mut builder,
        &MessageArgs {
            version: MetadataVersion::V5,
            header_type: MessageHeader::Schema,
            header: Some(header),
            ..MessageArgs::default()
        },
    );
    builder.finish(message, None);
    let metadata = builder.finished_data();
    let length = (metadata.len() as i32).to_le_bytes();
    [&[0xff; 4][..], &length, metadata, &[0xff; 4], &[0; 4]].concat()
}

fn file(levels: usize, doubles: bool) -> Vec<u8> {
    let mut builder = Builder::new();
    let schema = schema(&mut builder, levels, doubles);
    let footer = Footer::create(
        &mut builder,
        &FooterArgs {
            version: MetadataVersion::V5,
            schema: Some(schema),
            ..FooterArgs::default()
        },
    );
    builder.finish(footer, None);
    let footer = builder.finished_data();
    let length = (footer.len() as i32).to_le_bytes();
    [b"ARROW1\0\0", footer, &length, b"ARROW1"].concat()
}

#[test]
fn deep_and_doubling_schemas_of_arrow_are_refused() {
    let mut hostile = Hostile::new();
    for (levels, doubles) in [(1_000, false), (100_000, false), (25, true), (1_000, true)] {
        hostile.folder.put("a.arrows", stream(levels, doubles));
        hostile.refuses("a.arrows", &[]);
        hostile.folder.put("a.arrow", file(levels, doubles));
        hostile.refuses("a.arrow", &[]);
    }
    hostile.finish();
}
