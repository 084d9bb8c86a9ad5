//! What happened, in the windows the screen shows: today, this month, the last hours.
