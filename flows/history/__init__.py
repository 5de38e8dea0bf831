"""The record of imports, their rejections and who ran them."""
