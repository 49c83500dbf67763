# Functions in the comments of a header as links: Doxygen wants #ht_apply for what we write as ht_apply.
/^ *(\/\*\*| \*) /s/(^|[ (])(ht_[a-z_]+)([ .,;:)]|$)/\1#\2\3/g
