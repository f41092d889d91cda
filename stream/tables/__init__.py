"""Rolling tables read back: the cells of all shards for a window, and what is worked out of them.

`windows` says which cells a window is, `questions` what may be asked and which fields answer it, `reading` sums the
fields up, `stages` tells how many customers were where when a window began, `rates` works out of the sums, `answers`
puts it together. `page` draws ``docs/reference/tables.md``.
"""
