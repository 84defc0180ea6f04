"""What the routes answer, as pydantic models, for the documentation; the tests hold the real answers against them.

Each module says what the routes of its name answer; routes name the models as `answers.JobPage`.
"""

from core.gateway.answers.auth import Me, SignedIn, Ticket
from core.gateway.answers.files import File
from core.gateway.answers.health import Health, Ready
from core.gateway.answers.jobs import JobDetail, JobPage
from core.gateway.answers.logs import LogPage
from core.gateway.answers.operations import Bulk, Operation, OperationList
from core.gateway.answers.overview import Statistics, Workers
from core.gateway.answers.people import AuditPage, NewToken, People, Person, Token, Tokens
from core.gateway.answers.queues import Queue, QueueControlled, Queues
from core.gateway.answers.schedules import NextRuns, Schedule, ScheduleRan, Schedules
from core.gateway.answers.tasks import Task, Tasks
from core.gateway.answers.upkeep import Cleaned, StuckReport

__all__ = [
    "AuditPage",
    "Bulk",
    "Cleaned",
    "File",
    "Health",
    "JobDetail",
    "JobPage",
    "LogPage",
    "Me",
    "NewToken",
    "NextRuns",
    "Operation",
    "OperationList",
    "People",
    "Person",
    "Queue",
    "QueueControlled",
    "Queues",
    "Ready",
    "Schedule",
    "ScheduleRan",
    "Schedules",
    "SignedIn",
    "Statistics",
    "StuckReport",
    "Task",
    "Tasks",
    "Ticket",
    "Token",
    "Tokens",
    "Workers",
]
