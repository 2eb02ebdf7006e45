"""Parts of pages and forms that know no model of Commlog: paging, limits, fields, addresses."""
