# SPDX-License-Identifier: Apache-2.0
"""What the exchange says: the envelope, the refusals with their texts, and the reply on the wire."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

SUCCESS = "00000"
TOO_MANY_REQUESTS = "429"

JSON_HEADERS: Mapping[str, str] = {"content-type": "application/json"}
HTML_HEADERS: Mapping[str, str] = {"content-type": "text/html"}

# English and Chinese, as the header ``locale`` decides. The wording follows recorded answers where there are
# any; a client must match on the code alone.
TEXTS: Mapping[str, tuple[str, str]] = {
    TOO_MANY_REQUESTS: ("Too Many Requests", "Too Many Requests"),
    "22001": ("No order to cancel", "没有可撤销的订单"),
    "22002": ("No position to close", "没有可平的仓位"),
    "22041": ("Closing is limited shortly before delivery", "临近交割 限制平仓"),
    "22043": ("ADL is in progress", "自动减仓中"),
    "22044": ("ADL is in progress, flash close is not possible", "自动减仓中 无法闪电平仓"),
    "25004": ("Operation too frequent, please try again later", "操作过于频繁 请稍后再试"),
    "25200": ("{0} validation error", "{0} 校验失败"),
    "25204": ("Order does not exist", "订单不存在"),
    "25225": ("Insufficient available quantity in position", "仓位可用数量不足"),
    "25227": ("No position available to close", "没有可平的仓位"),
    "25597": ("Strategy does not exist or has already been stopped", "策略不存在或已停止"),
    "25620": ("permission denied", "权限不足"),
    "30032": ("The V1 API has been decommissioned", "V1 接口已下线"),
    "40001": ("ACCESS_KEY cannot be empty", "ACCESS_KEY 不能为空"),
    "40003": ("ACCESS_SIGN cannot be empty", "签名不能为空"),
    "40005": ("Invalid ACCESS_TIMESTAMP", "无效的 ACCESS_TIMESTAMP"),
    "40006": ("Invalid ACCESS_KEY", "无效的 ACCESS_KEY"),
    "40007": ("Invalid Content_Type", "无效的 Content_Type"),
    "40008": ("Request timestamp expired", "请求时间戳过期"),
    "40009": ("sign signature error", "签名错误"),
    "40011": ("ACCESS_PASSPHRASE cannot be empty", "ACCESS_PASSPHRASE 不能为空"),
    "40012": ("apikey/password is incorrect", "apikey/passphrase 不正确"),
    "40014": ("Incorrect permissions", "权限不正确"),
    "40015": ("System is abnormal, please try again later", "系统异常 请稍后重试"),
    "40017": ("Parameter verification failed {0}", "{0} 参数校验失败"),
    "40019": ("Parameter {0} cannot be empty", "{0} 不能为空"),
    "40020": ("Parameter {0} error", "参数 {0} 错误"),
    "40037": ("Apikey does not exist", "Apikey 不存在"),
    "40084": (
        "You are in Classic Account mode, and the Unified Account API is not supported at this time",
        "您当前为经典账户模式 暂不支持统一账户 API",
    ),
    "40085": (
        "You are in Unified Account mode, and the Classic Account API is not supported at this time",
        "您当前为统一账户模式 暂不支持经典账户 API",
    ),
    "40099": ("exchange environment is incorrect", "交易环境不正确"),
    "40109": ("The data of the order cannot be found, please confirm the order number", "查询不到订单数据"),
    "40404": ("Request URL NOT FOUND", "请求地址不存在"),
    "40725": ("service return an error", "服务返回异常"),
    "40746": ("The size that can be closed is exceeded", "超过可平数量"),
    "40867": ("Existing close orders hold the size of the position", "已有平仓委托占用仓位"),
    "40888": ("The maximum of a single flash close is exceeded", "超过单次闪电平仓上限"),
    "40912": ("The number of orders cancelled at once cannot exceed 50", "单次撤单不能超过 50"),
    "40924": ("One of orderId and clientOid is required", "orderId 与 clientOid 必须填写一个"),
    "40931": ("Closing positions is prohibited by risk control", "风控限制平仓"),
    "40939": ("Existing orders conflict with a reduce-only order", "与已有委托冲突 无法只减仓"),
    "41114": ("The trading pair is under maintenance", "当前交易对正在维护中"),
    "43001": ("The order does not exist", "订单不存在"),
    "43025": ("The plan order does not exist", "计划委托不存在"),
    "45001": ("Unknown error", "未知错误"),
    "45009": ("The account is at risk, trading is paused", "账户存在风险 暂停交易"),
    "45104": ("The maximum of a single close is exceeded", "超过单次平仓上限"),
    "45108": ("The API is restricted from closing positions", "API 限制平仓"),
    "45129": ("Cancel order is too frequent", "撤单过于频繁"),
    "400172": ("Parameter verification failed {0}", "{0} 参数校验失败"),
}


def text_of(code: str, detail: str = "", *, chinese: bool = False) -> str:
    """Return the text that goes with a code.

    :param code: a Bitget code.
    :param detail: the parameter or reason that the text names.
    :param chinese: whether the text is Chinese.
    """
    english, translated = TEXTS.get(code, (f"Request refused ({code})", f"请求被拒绝 ({code})"))
    return (translated if chinese else english).replace("{0}", detail).strip()


class Refusal(Exception):
    """The exchange refuses the whole request with a code; nothing was done.

    :param code: the envelope's code.
    :param detail: what the text names, such as a parameter.
    :param status: the HTTP status: business errors come with 400 in recorded answers.
    :param text: the envelope's text, where it isn't the code's own.
    """

    def __init__(self, code: str, detail: str = "", *, status: int = 400, text: str | None = None) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.status = status
        self.text = text


@dataclass(frozen=True)
class Reply:
    """What happens on the wire for one request.

    :param status: the HTTP status.
    :param body: the bytes that reach the client.
    :param headers: the response headers.
    :param delay: seconds to wait before anything is sent.
    :param drop: the connection is reset without an answer: ``before`` or ``after`` the request took effect.
    :param announced_length: the Content-Length where it promises more than the body holds; the connection is
        closed after the body.
    :param drip: seconds over which the body is sent piece by piece.
    :param code: the code of the envelope, None where the body isn't one.
    :param processed: whether the request took effect on the exchange.
    :param fault: the injected fault that shaped this reply.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: JSON_HEADERS)
    delay: float = 0.0
    drop: Literal["before", "after"] | None = None
    announced_length: int | None = None
    drip: float = 0.0
    code: str | None = None
    processed: bool = False
    fault: str | None = None


def envelope(code: str, message: str, request_time: int, data: Any, status: int = 200) -> Reply:
    """Return a reply in the exchange's envelope.

    :param code: ``00000`` or an error code.
    :param message: the text beside it.
    :param request_time: milliseconds since 1970-01-01 UTC; a JSON number, as in recorded answers.
    :param data: what was asked for, None on errors.
    :param status: the HTTP status.
    """
    content = {"code": code, "msg": message, "requestTime": request_time, "data": data}
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return Reply(status=status, body=body, code=code)


def html(status: int, title: str) -> Reply:
    """Return a page as a gateway in front of the exchange writes it.

    :param status: the HTTP status.
    :param title: what the page says.
    """
    page = f"<html><head><title>{title}</title></head><body><center><h1>{title}</h1></center></body></html>"
    return Reply(status=status, body=page.encode(), headers=HTML_HEADERS)
