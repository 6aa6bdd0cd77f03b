"""Storage objects. Their content travels elsewhere: by the signed addresses that two of these calls give."""

from __future__ import annotations

from ..endpoint import Json, Page, get, post
from ..params import objects as params
from ..views.objects import ObjectDownloadURLView, ObjectListView, ObjectView

_OBJECT = Json(view=ObjectView)
_PAGE = Page(view=ObjectListView, items="objects")

CREATE = post("/v1/objects", _OBJECT, params.ObjectCreateParams)
LIST = get("/v1/objects", _PAGE, params.ObjectListParams)
LIST_PUBLIC = get("/v1/objects/list_public", _PAGE, params.ObjectListPublicParams)
RETRIEVE = get("/v1/objects/{id}", _OBJECT)
COMPLETE = post("/v1/objects/{id}/complete", _OBJECT)
DOWNLOAD = get("/v1/objects/{id}/download", Json(view=ObjectDownloadURLView), params.ObjectDownloadParams)
DELETE = post("/v1/objects/{id}/delete", _OBJECT)
