//! Price files of other projects, read into our price book.
