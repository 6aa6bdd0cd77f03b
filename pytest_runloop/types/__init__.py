"""The types of the API, under the names of its type reference.

Views are what the service answers. Params are what calls take, as TypedDicts; the `SDK…` ones are what the
methods of the client's objects take. A name that is both is the view here, and the TypedDict in
`pytest_runloop.types.shared_params`.
"""

from __future__ import annotations

from ..contract.params.blueprints import (
    BlueprintCreateParams,
    BlueprintListParams,
    BlueprintPreviewParams,
)
from ..contract.params.calls import (
    SDKBlueprintCreateParams,
    SDKBlueprintListParams,
    SDKBlueprintPreviewParams,
    SDKDevboxCreateFromImageParams,
    SDKDevboxCreateParams,
    SDKDevboxCreateTunnelParams,
    SDKDevboxDownloadFileParams,
    SDKDevboxEnableTunnelParams,
    SDKDevboxExecuteAsyncParams,
    SDKDevboxExecuteParams,
    SDKDevboxListParams,
    SDKDevboxReadFileContentsParams,
    SDKDevboxRemoveTunnelParams,
    SDKDevboxSnapshotDiskAsyncParams,
    SDKDevboxSnapshotDiskParams,
    SDKDevboxUploadFileParams,
    SDKDevboxWriteFileContentsParams,
    SDKDiskSnapshotListParams,
    SDKDiskSnapshotUpdateParams,
    SDKObjectCreateParams,
    SDKObjectDownloadParams,
    SDKObjectListParams,
)
from ..contract.params.devboxes import (
    DevboxCreateParams,
    DevboxDownloadFileParams,
    DevboxListParams,
    DevboxReadFileContentsParams,
    DevboxSnapshotDiskAsyncParams,
    DevboxSnapshotDiskParams,
    DevboxUpdateParams,
    DevboxUploadFileParams,
    DevboxWriteFileContentsParams,
)
from ..contract.params.executions import (
    DevboxExecuteAsyncParams,
    DevboxExecuteParams,
    DevboxExecuteSyncParams,
    DevboxWaitForCommandParams,
    ExecutionKillParams,
    ExecutionRetrieveParams,
    ExecutionSendStdInParams,
)
from ..contract.params.objects import (
    ObjectCreateParams,
    ObjectDownloadParams,
    ObjectListParams,
    ObjectListPublicParams,
)
from ..contract.params.options import (
    BaseRequestOptions,
    LongPollingRequestOptions,
    LongRequestOptions,
    PollingConfig,
    PollingRequestOptions,
)
from ..contract.params.secrets import (
    SecretCreateParams,
    SecretListParams,
    SecretUpdateByIDParams,
    SecretUpdateParams,
)
from ..contract.params.snapshots import (
    DevboxListDiskSnapshotsParams,
    DiskSnapshotListParams,
    DiskSnapshotUpdateParams,
)
from ..contract.params.tunnels import (
    DevboxCreateTunnelParams,
    DevboxEnableTunnelParams,
    DevboxRemoveTunnelParams,
)
from ..contract.views.blueprints import (
    BlueprintBuildLog,
    BlueprintBuildLogsListView,
    BlueprintBuildParameters,
    BlueprintListView,
    BlueprintPreviewView,
    BlueprintView,
)
from ..contract.views.devboxes import (
    DevboxListView,
    DevboxLogsListView,
    DevboxResourceUsageView,
    DevboxView,
)
from ..contract.views.executions import (
    DevboxAsyncExecutionDetailView,
    DevboxExecutionDetailView,
    DevboxSendStdInResult,
    ExecutionUpdateChunk,
)
from ..contract.views.launch import AfterIdle, LaunchParameters
from ..contract.views.mounts import AgentMountParameters, CodeMountParameters, ObjectMountParameters
from ..contract.views.objects import ObjectDownloadURLView, ObjectListView, ObjectView
from ..contract.views.secrets import SecretListView, SecretView
from ..contract.views.snapshots import (
    DevboxSnapshotAsyncStatusView,
    DevboxSnapshotListView,
    DevboxSnapshotView,
)
from ..contract.views.ssh import DevboxCreateSSHKeyResponse
from ..contract.views.tunnels import DevboxTunnelView, TunnelView

DevboxReadFileContentsResponse = str
"""A file's text."""

__all__ = [
    "AfterIdle",
    "AgentMountParameters",
    "BaseRequestOptions",
    "BlueprintBuildLog",
    "BlueprintBuildLogsListView",
    "BlueprintBuildParameters",
    "BlueprintCreateParams",
    "BlueprintListParams",
    "BlueprintListView",
    "BlueprintPreviewParams",
    "BlueprintPreviewView",
    "BlueprintView",
    "CodeMountParameters",
    "DevboxAsyncExecutionDetailView",
    "DevboxCreateParams",
    "DevboxCreateSSHKeyResponse",
    "DevboxCreateTunnelParams",
    "DevboxDownloadFileParams",
    "DevboxEnableTunnelParams",
    "DevboxExecuteAsyncParams",
    "DevboxExecuteParams",
    "DevboxExecuteSyncParams",
    "DevboxExecutionDetailView",
    "DevboxListDiskSnapshotsParams",
    "DevboxListParams",
    "DevboxListView",
    "DevboxLogsListView",
    "DevboxReadFileContentsParams",
    "DevboxReadFileContentsResponse",
    "DevboxRemoveTunnelParams",
    "DevboxResourceUsageView",
    "DevboxSendStdInResult",
    "DevboxSnapshotAsyncStatusView",
    "DevboxSnapshotDiskAsyncParams",
    "DevboxSnapshotDiskParams",
    "DevboxSnapshotListView",
    "DevboxSnapshotView",
    "DevboxTunnelView",
    "DevboxUpdateParams",
    "DevboxUploadFileParams",
    "DevboxView",
    "DevboxWaitForCommandParams",
    "DevboxWriteFileContentsParams",
    "DiskSnapshotListParams",
    "DiskSnapshotUpdateParams",
    "ExecutionKillParams",
    "ExecutionRetrieveParams",
    "ExecutionSendStdInParams",
    "ExecutionUpdateChunk",
    "LaunchParameters",
    "LongPollingRequestOptions",
    "LongRequestOptions",
    "ObjectCreateParams",
    "ObjectDownloadParams",
    "ObjectDownloadURLView",
    "ObjectListParams",
    "ObjectListPublicParams",
    "ObjectListView",
    "ObjectMountParameters",
    "ObjectView",
    "PollingConfig",
    "PollingRequestOptions",
    "SDKBlueprintCreateParams",
    "SDKBlueprintListParams",
    "SDKBlueprintPreviewParams",
    "SDKDevboxCreateFromImageParams",
    "SDKDevboxCreateParams",
    "SDKDevboxCreateTunnelParams",
    "SDKDevboxDownloadFileParams",
    "SDKDevboxEnableTunnelParams",
    "SDKDevboxExecuteAsyncParams",
    "SDKDevboxExecuteParams",
    "SDKDevboxListParams",
    "SDKDevboxReadFileContentsParams",
    "SDKDevboxRemoveTunnelParams",
    "SDKDevboxSnapshotDiskAsyncParams",
    "SDKDevboxSnapshotDiskParams",
    "SDKDevboxUploadFileParams",
    "SDKDevboxWriteFileContentsParams",
    "SDKDiskSnapshotListParams",
    "SDKDiskSnapshotUpdateParams",
    "SDKObjectCreateParams",
    "SDKObjectDownloadParams",
    "SDKObjectListParams",
    "SecretCreateParams",
    "SecretListParams",
    "SecretListView",
    "SecretUpdateByIDParams",
    "SecretUpdateParams",
    "SecretView",
    "TunnelView",
]
