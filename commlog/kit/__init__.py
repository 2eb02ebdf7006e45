"""Building blocks of pages and forms that know no model: paging, limits, fields, addresses."""
