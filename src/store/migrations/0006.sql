-- Every call wrote this index, and what it was for is found as well by tenant and time.
DROP INDEX hold_at;
