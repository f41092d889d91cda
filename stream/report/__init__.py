"""One page with pictures of all customers, for a person who would rather look than read.

`collect` reads every record once, `figures` adds each customer up (pure, and bounded whatever their number), `pictures`
draws, `page` puts it together into one HTML file that asks nobody for anything.
"""

from __future__ import annotations
