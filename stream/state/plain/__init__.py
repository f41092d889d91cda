"""Plain customers, who have done nothing but order, kept and scored in columns by native code.

Nearly every order of nearly every shop is a plain one of such a customer. So here they have a form of their own: a row
of integers each, with the order ledger in a heap beside it, and compiled functions that take a whole batch from decoded
columns to the bytes of records, timers and messages. Whoever has done anything else (a refund, a complaint, an answer)
is a `stream.state.customer.Customer`, and so is, for the length of a batch, a plain customer to whom something happens
that is not plain (a late order, silence). The plain form of everything done here is in `stream.state`; a law in
``tests/property`` holds the two equal.

`layout` says what a row holds, `heap` and `index` how rows are kept and found, `rules` what the model looks like to
native code. `admit` reads records, `orders` applies, `looks` looks at a customer: `assess` says what is true, `worth`
and `market` what follows from that, `appointments` and `advice` what is to be done. `announce` says what changed,
`unusual` which orders are unlike the customer and `scores` all there is, with `reasons` and `parts`, put together by
`message`. `work` takes up what a batch leads to: `settle` writes what is stored, `cells` sums up for the rolling
tables, by what `channels` numbers; `objects` makes an object of a row and a row of an object. `customers` is the face
of it all, `batch` what comes of one batch.
"""
