"""What a crawl costs beside what its parts cost at least: `./run bench`."""
