//! Looks at a store that others write and this process cannot: what they have written is read anew.

use std::io;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use super::librarian::Question;
use crate::store::{Reader, Stir};

/// How often it looks.
const LOOK: Duration = Duration::from_millis(500);

/// Begins to look; it ends when nobody answers questions any more, or what is returned is dropped.
pub(super) fn start(
    reader: Reader,
    mut stir: Stir,
    questions: SyncSender<Question>,
) -> io::Result<SyncSender<()>> {
    let (alive, ended) = sync_channel::<()>(1);
    let mut version = reader.data_version().ok();
    std::thread::Builder::new().name("onlooker".to_owned()).spawn(move || {
        while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
            if !stir.felt() {
                continue;
            }
            let seen = reader.data_version().ok();
            if seen == version {
                continue;
            }
            version = seen;
            // One that is full is asked again at the next change; a failed reading is told by the librarian.
            if matches!(questions.try_send(Question::Everything), Err(TrySendError::Disconnected(_))) {
                return;
            }
        }
    })?;
    Ok(alive)
}
