//! file
use velo_core::Connector;
/// x
pub fn connector() -> Connector {
    velo_core::memory::Memory::connector()
}
