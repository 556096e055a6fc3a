//! Chat models. The step's key goes along where the provider takes one.

use models::{AnswerFormat, Arguments, ChatRequest, ChatResponse, Client, Connection, Limits, Message, Provider, Tool};
use workflow::{Answer, ChatAnswer, ChatCall, ChatMessage, Failure, FailureKind, ModelRef, ToolCall, answer::Finish};

use super::{World, with_cause};
use crate::ports::{EffectContext, ModelCall, Performed};

impl World {
    pub(super) async fn chat(&self, cx: &EffectContext, call: ChatCall) -> Result<Performed, Failure> {
        let (client, provider) = self.model(cx, &call.model).await?;
        let mut request = ChatRequest::new(call.model.model, call.messages.into_iter().map(message).collect());
        request.tools = call
            .tools
            .into_iter()
            .map(|tool| Tool { name: tool.name, description: tool.description, parameters: tool.schema })
            .collect();
        request.temperature = call.temperature.map(|temperature| temperature as f32);
        request.max_tokens = call.max_tokens;
        if let Some(schema) = call.response_schema {
            request.format = AnswerFormat::Schema { name: "answer".to_owned(), schema };
        }
        request.idempotency_key = Some(cx.key.clone());
        let response = client.chat(&request, None).await.map_err(|error| failed(&error))?;
        let ChatResponse { model, text, tool_calls, finish, usage, .. } = response;
        let tool_calls: Vec<ToolCall> = tool_calls
            .into_iter()
            .map(|call| ToolCall { arguments: call.arguments.to_text(), id: call.id, name: call.name })
            .collect();
        let usage = usage.usage;
        let model_call =
            ModelCall { provider: provider.as_str().to_owned(), model: model.clone(), usage, cost_micros: None };
        let finish = match finish {
            models::Finish::Length => Finish::Length,
            models::Finish::ToolCalls => Finish::ToolCalls,
            models::Finish::ContentFilter => Finish::ContentFilter,
            _ => Finish::Stop,
        };
        let answer = Answer::Chat(ChatAnswer { text, tool_calls, finish, usage, model });
        Ok(Performed { answer, model_calls: vec![model_call] })
    }

    /// A connection to the model's provider, with its key.
    pub(super) async fn model(&self, cx: &EffectContext, model: &ModelRef) -> Result<(Client, Provider), Failure> {
        let bad = |message: String| Failure::new(FailureKind::Parameters, message);
        let provider: Provider =
            model.provider.parse().map_err(|_| bad(format!("{:?} is no model provider", model.provider)))?;
        let mut connection = Connection::new(provider);
        connection.limits = Limits { total: cx.timeout, ..Limits::default() };
        if let Some(url) = &model.base_url {
            connection.base_url = Some(egress::Url::parse(url).map_err(|_| bad(format!("{url:?} is no URL")))?);
        }
        if let Some(named) = &model.credential {
            let url = connection.base_url.clone().or_else(|| egress::Url::parse(provider.default_base_url()?).ok());
            let host = url.as_ref().and_then(|url| url.host_str());
            let lease = self.lease(cx, named, host).await?;
            connection.api_key = Some(lease.value().main().clone());
        }
        let client = self.models.connect(connection).map_err(|error| failed(&error))?;
        Ok((client, provider))
    }
}

fn message(message: ChatMessage) -> Message {
    match message {
        ChatMessage::System { content } => Message::System { text: content },
        ChatMessage::User { content } => Message::User { text: content },
        ChatMessage::Assistant { content, tool_calls } => {
            let call = |call: ToolCall| models::ToolCall {
                arguments: Arguments::parse(&call.arguments),
                id: call.id,
                name: call.name,
            };
            Message::Assistant { text: content, tool_calls: tool_calls.into_iter().map(call).collect() }
        }
        ChatMessage::Tool { call_id, name, content, is_error } => {
            Message::Tool { call_id, name, text: content, is_error }
        }
    }
}

/// A provider's refusal in the words of a run.
pub(super) fn failed(error: &models::Error) -> Failure {
    let kind = match error {
        models::Error::TimedOut { .. } => FailureKind::Timeout,
        models::Error::TooLarge { .. } | models::Error::TooLong { .. } => FailureKind::TooLarge,
        _ if error.is_refusal() => FailureKind::Policy,
        _ => FailureKind::Call,
    };
    let mut failure = Failure::new(kind, with_cause(error));
    failure.retryable = error.may_retry();
    if let models::Error::RateLimited { retry_after: Some(after), .. } = error {
        failure.retry_after_ms = Some(after.as_millis() as u64);
    }
    failure
}
