-- A call's record has one to four kilobytes that are sealed and can't be compressed: up to a page it stays in its row, as
-- events do, instead of in pieces with an index of their own.
ALTER TABLE exchanges SET (toast_tuple_target = 8160);
ALTER TABLE exchanges ALTER COLUMN said SET STORAGE EXTERNAL;
