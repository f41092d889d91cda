"""Everything that can break is broken, under load, and in the end every record and every decision is the oracle's."""
