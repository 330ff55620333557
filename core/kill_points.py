"""Named moments between two steps that a crash may come between.

The code says where it is by `reach(name)`. Nothing listens in production; a test listens, kills
the process at a name, and looks at what lies on the disk. A name that no run reaches is a defect,
and a test proves that each is reached.
"""

from collections.abc import Callable

AT_HOME = {
    "artefact_staged": "all of an artefact's files are written, none is flushed",
    "artefact_flushed": "files are flushed, the manifest is not there yet",
    "artefact_described": "the manifest is there, the folder has not got its name",
    "artefact_committed": "the folder has its name, no pointer or entry names it",
    "pointer_moved": "a date's pointer names the version",
    "written_beside": "a small file is flushed beside its place and has not got its name",
    "named": "a small file has its name, the folder is not flushed",
    "release_verified": "a release's bytes and golden answers were checked, nothing announces it",
    "entry_about_to_be_created": "a log entry is decided and not yet created",
    "entry_created": "a log entry is there, its writer does not know yet",
    "version_out_of_sight": "a version that goes lies under a hidden name, all of it there",
    "version_deleted": "a version that went is gone from the disk",
    "damaged_set_aside": "a damaged version lies under a hidden name, its place is free",
}
IN_ERASURE = {
    "redaction_staged": "a version is rewritten beside the one that it replaces, unflushed",
    "redaction_described": "the rewritten version has its manifest and not yet its name",
    "redaction_committed": "both versions are there, and look-ups find the rewritten one",
    "lake_entry_replaced": "the ledger names rewritten lake files, the old ones are still there",
    "landed_file_announced": "the ledger knows the rewritten landed file, it has not its name",
    "erasure_carried_out": "every file is rewritten, the tombstones do not say so yet",
    "erasure_noted": "the tombstones say that a home's files are rewritten, the home does not yet",
}
IN_SHARED_ERASURE = {
    "redaction_claimed": "the location knows what a rewritten release will be, none of it is there",
    "shared_folder_undescribed": "a folder that goes from the location has no manifest any more",
    "shared_folder_removed": "all of a folder is gone from the location",
    "pull_superseded_removed": "a home has a rewritten release, and its copy of the old is gone",
}
BETWEEN_MACHINES = {
    "push_file_sent": "one more file of a release is at the location, no manifest names it",
    "push_files_sent": "all of a release's files are at the location, no manifest names them",
    "push_described": "a release is whole at the location, no log entry names it",
    "pull_block_copied": "a part of a file is in the pull's staging folder, not flushed",
    "pull_file_copied": "one more file is whole in the staging folder",
    "pull_files_copied": "all files are in the staging folder, the manifest is not",
    "pull_described": "the manifest is in the staging folder, which has not got its name",
    "pull_committed": "a copied release has its name, no entry of the local log names it",
    "export_block_written": "more of a release's keys are in Redis, no header says it is whole",
    "export_complete": "a release is whole in Redis, the pointer names the one before",
    "export_pointed": "the pointer names the new release, older exports are not yet to expire",
    "entry_copied": "one more entry of the location's log is in the local log",
}
AT_INTAKE = {
    "segment_opened": "a segment has its name and its lock, nothing is in it",
    "segment_written": "more lines are in a segment, they may not be on the disk yet",
    "segment_flushed": "the lines are on the disk, no other process knows of them",
    "events_announced": "all processes know of the events, whoever posted them does not",
    "segment_checked": "a segment is to go to the landing zone, its lines are whole and flushed",
    "segment_sealed": "a segment lies in the landing zone",
}
IN_HANDING_OVER = {
    "segment_handed_over": "a segment lies at the location too, the server's home has not noted it",
    "segment_fetched": "a segment is at the home that takes it in, and at the location still",
}
KILL_POINTS = (
    AT_HOME | IN_ERASURE | IN_SHARED_ERASURE | BETWEEN_MACHINES | AT_INTAKE | IN_HANDING_OVER
)
"""What is true at each moment, by its name."""

_listener: Callable[[str], None] | None = None


def reach(name: str) -> None:
    """Says that a moment has come; raises KeyError for one that is not in KILL_POINTS."""
    if name not in KILL_POINTS:
        raise KeyError(f"kill point {name!r} is not in KILL_POINTS")
    if _listener is not None:
        _listener(name)


def listen(listener: Callable[[str], None] | None) -> None:
    """Calls `listener` with the name of each moment from now on; None ends that."""
    global _listener
    _listener = listener
