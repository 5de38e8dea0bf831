"""The history of imports: their ledgers, their rejections, and who ran them."""
