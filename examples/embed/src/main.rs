//! Copies all rows of one URI to another.

use velo_registry::{create_sink, create_source};

#[tokio::main]
async fn main() -> velo_registry::Result<()> {
    let mut uris = std::env::args().skip(1);
    let (from, to) = (
        uris.next().unwrap_or_default(),
        uris.next().unwrap_or_default(),
    );
    let mut reader = create_source(&from)?.reader().await?;
    let mut writer = create_sink(&to)?.writer().await?;
    while let Some(batch) = reader.read_batch().await? {
        writer.write(batch).await?;
    }
    writer.commit().await?;
    reader.commit().await
}
