"""What makes a crawl begin without anybody asking for it: the schedule, and files that change."""
