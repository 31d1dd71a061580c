"""Rows to contract views: a module for each subject. Lists are paged or bounded."""
