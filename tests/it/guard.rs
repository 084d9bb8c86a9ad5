//! The guard over real sockets on loopback, in front of the simulated provider, which bills on its own.

mod world;
mod flows;
mod bounds;
mod cuts;
mod shapes;
mod doors;
mod faults;
