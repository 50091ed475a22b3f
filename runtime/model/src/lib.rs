//! The claim protocol, explored: nothing of it runs in the program, its tests visit every order of events.

#[cfg(test)]
mod protocol;
#[cfg(test)]
mod tests;
