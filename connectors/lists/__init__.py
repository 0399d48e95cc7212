"""Lists of leads in files: read row by row, mapped, checked and written as raw events. See `leadstream import`."""
